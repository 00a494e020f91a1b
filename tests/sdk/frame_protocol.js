/**
 * The page's side of the frame protocol (Iamport V1 2.4), message by message: what the official
 * script does between `IMP.init` and the callback, without the script.
 */
(() => {
  "use strict";
  const { gateway, code, style, param } = JSON.parse(document.getElementById("order").textContent);
  const isPhone = /iPhone|iPad|Android|Mobile/i.test(navigator.userAgent);
  window.said = [];
  window.results = [];
  let frame = null;

  // 1: the list of channels, as JSONP (old script) or by a synchronous request (new script).
  function list(use) {
    if (style === "old") {
      window.jsonp_1 = use;
      const script = document.createElement("script");
      script.src = `${gateway}/users/pg/${code}?callback=jsonp_1`;
      document.head.append(script);
      return;
    }
    const request = new XMLHttpRequest();
    request.open("GET", `${gateway}/users/pg/${code}`, false);
    request.send();
    if (request.status < 400) use(JSON.parse(request.responseText));
  }

  // 2: one hidden frame; the old script names no provider for the default channel.
  function load(told) {
    window.channels = told;
    if (!told.data.length) return window.results.push({ success: false, error_code: "NOT_READY", error_msg: told.msg });
    const [channel] = told.data;
    const end = style === "old" ? "" : `/${channel.pg_provider}/${channel.pg_id}?sandbox=${channel.sandbox}&store_id=`;
    frame = document.createElement("iframe");
    frame.src = `${gateway}/payments/ready/${code}${end}`;
    frame.hidden = true;
    frame.style.cssText = "position:fixed;inset:0;width:100%;height:100%;border:0";
    frame.addEventListener("load", () => (window.isReady = true));
    document.body.append(frame);
  }

  // 5: the request, as text, to the gateway's origin only.
  window.pay = () => {
    const data = { pay_method: "card", request_id: "req_1", tier_code: undefined, ...param };
    frame.hidden = false;
    frame.contentWindow.postMessage(
      JSON.stringify({ action: "payment", data, origin: location.href, from: "iamport-sdk", version: "1.2.0" }),
      gateway,
    );
  };

  // 7: a hidden form on the frame's behalf.
  function post({ formId, method, action, target, charset, param: fields }) {
    const form = document.createElement("form");
    Object.assign(form, { id: formId, method, action, target, acceptCharset: charset });
    for (const [name, value] of Object.entries(fields)) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      form.append(field);
    }
    if (isPhone && (target === "_top" || target === "_self")) frame.hidden = true;
    document.body.append(form);
    form.submit();
  }

  // 6 and 8: only the gateway's origin, only text; any other word is the end, and comes once.
  window.addEventListener("message", (event) => {
    if (event.origin !== gateway || typeof event.data !== "string") return;
    const { action, data } = JSON.parse(event.data);
    window.said.push(action);
    if (action === "proxy.post") return post(data);
    const { request_id: requestId, ...rsp } = data;
    if (requestId === "req_1") window.results.push(rsp);
    frame.hidden = true;
  });

  list(load);
  document.getElementById("pay").addEventListener("click", window.pay);
})();
