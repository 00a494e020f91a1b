/**
 * The page that a popup shows until its window opens. A page with `Cross-Origin-Opener-Policy` loses
 * its popup here: it can no longer lead it on, and offers a button of its own. So this one closes.
 */
(function () {
  "use strict";

  if (!window.opener && history.length === 1) window.close();
})();
