/**
 * Inside the frame that Iamport's own script keeps in a merchant's page (Iamport V1 2.4).
 *
 * Heard: `{action: "payment", data: param}` from the page, once. Said: `proxy.post`, which makes a
 * phone's page go to the PG's window, and `done`, which gives the page its `rsp`. Nothing else is
 * ever said, because the script takes every other word for the end.
 */
(function () {
  "use strict";

  const LOOK_MS = 1000;
  const PHONE = /iPhone|iPad|Android|Mobile/i;
  const WINDOW = "popup,width=720,height=720";
  const frame = document.getElementById("frame");
  if (!(frame instanceof HTMLElement)) return;
  const checkout = `${frame.dataset.root}/checkout/${encodeURIComponent(frame.dataset.code || "")}/windows`;
  /** The page's request, from when it came until it was answered. @type {any} */
  let asked = null;
  /** @type {{window_token: string, window_url: string} | null} */
  let opened = null;
  /** @type {Window | null} */
  let popup = null;

  /** @param {string} action @param {any} data */
  function say(action, data) {
    window.parent.postMessage(JSON.stringify({ action, data }), asked.origin);
  }

  /** @param {any} rsp */
  function done(rsp) {
    if (!asked) return;
    if (popup && !popup.closed) popup.close();
    say("done", Object.assign({ request_id: asked.param.request_id }, rsp));
    asked = opened = popup = null;
    show("opening");
  }

  /** @param {string} what */
  function show(what) {
    for (const one of document.querySelectorAll("[data-show]")) {
      if (one instanceof HTMLElement) one.hidden = one.dataset.show !== what;
    }
    for (const one of document.querySelectorAll("[data-act]")) {
      if (one instanceof HTMLElement) one.hidden = !(one.dataset.in || "").split(" ").includes(what);
    }
  }

  /** @param {string} code @param {string} text */
  function fail(code, text) {
    done({ success: false, imp_uid: null, merchant_uid: asked && asked.param.merchant_uid, error_code: code, error_msg: text });
  }

  /** @param {string} path @param {any} [body] @returns {Promise<any>} */
  async function ask(path, body) {
    const sent = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch(checkout + path, sent);
    return answer.json();
  }

  /** @param {MessageEvent} event */
  async function begin(event) {
    const param = readRequest(event);
    if (!param || asked) return;
    asked = { param, origin: event.origin };
    const isPhone = PHONE.test(navigator.userAgent);
    try {
      const told = await ask("", { param, device: isPhone ? "mobile" : "pc", page_url: event.origin });
      if (!told.window_url) return done(told.rsp);
      opened = told;
    } catch {
      return fail("F503", "결제 서버에 연결하지 못했습니다. 잠시 후 다시 시도해 주십시오.");
    }
    if (isPhone) return leave();
    open();
    look();
  }

  /** What the page asks for; null for whatever else a window may be told. @param {MessageEvent} event */
  function readRequest(event) {
    if (event.source !== window.parent || window.parent === window || typeof event.data !== "string") return null;
    let told;
    try {
      told = JSON.parse(event.data);
    } catch {
      return null; // extensions send texts of their own
    }
    if (!told || told.action !== "payment" || typeof told.data !== "object" || !told.data) return null;
    const pg = frame && frame.dataset.pg;
    return pg && !told.data.pg && !told.data.channelKey ? Object.assign({}, told.data, { pg }) : told.data;
  }

  /** A phone's page goes to the window itself: the script posts a form for us, with the address in it. */
  function leave() {
    if (!opened) return;
    const url = new URL(opened.window_url);
    /** @type {Record<string, string>} */
    const param = {};
    url.searchParams.forEach((value, name) => {
      param[name] = value;
    });
    say("proxy.post", {
      formId: "dasi-window",
      method: "get",
      action: url.origin + url.pathname,
      target: "_top",
      charset: "utf-8",
      param,
      pgProvider: "dasi",
    });
  }

  /** A browser opens a window only after a touch, and that touch was in the page: if it refuses, ask for one here. */
  function open() {
    if (!opened) return;
    popup = window.open(opened.window_url, `dasi-${opened.window_token}`, WINDOW);
    show(popup ? "wait" : "ask");
  }

  /** After a touch, no window to hold may still be an open one: a page with
   * `Cross-Origin-Opener-Policy` never gets it. A browser that opens none leads on in the page. */
  function openAfterTouch() {
    open();
    if (!popup) show("gone");
  }

  /** Goes to the window in the page itself, as a phone does; the unused window is closed. */
  async function leadOn() {
    if (!asked || !opened) return;
    const unused = opened.window_token;
    try {
      const body = await ask("", { param: asked.param, device: "mobile", page_url: asked.origin });
      if (!body.window_url) return done(body.rsp);
      opened = body;
      await ask(`/${unused}/close`, {});
      leave();
    } catch {
      fail("F503", "결제 서버에 연결하지 못했습니다. 잠시 후 다시 시도해 주십시오.");
    }
  }

  /** Until there is a result. That a window looks closed proves nothing: the payer decides. */
  async function look() {
    while (opened) {
      const path = `/${opened.window_token}`;
      try {
        const told = await ask(`${path}/result`);
        if (told.rsp && opened && path === `/${opened.window_token}`) return done(told.rsp);
        if (popup && popup.closed) show("gone");
      } catch {
        // The gateway is away for a moment: what became of the order is asked again.
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** The window's own word comes before the next look. @param {MessageEvent} event */
  function hear(event) {
    const told = event.data;
    if (!opened || event.origin !== location.origin || !told || typeof told !== "object") return;
    if (told.source !== "dasi" || told.kind !== "done" || told.window_token !== opened.window_token) return;
    if (popup) popup.postMessage({ source: "dasi", kind: "heard", window_token: told.window_token }, location.origin);
    done(told.rsp);
  }

  async function cancel() {
    if (!opened) return;
    try {
      const told = await ask(`/${opened.window_token}/close`, {});
      if (told.rsp) done(told.rsp);
    } catch {
      fail("F503", "결제 서버에 연결하지 못했습니다. 잠시 후 다시 시도해 주십시오.");
    }
  }

  document.querySelector('[data-act="open"]')?.addEventListener("click", openAfterTouch);
  document.querySelector('[data-act="lead-on"]')?.addEventListener("click", leadOn);
  document.querySelector('[data-act="cancel"]')?.addEventListener("click", cancel);
  window.addEventListener("message", begin);
  window.addEventListener("message", hear);
})();
