/**
 * The browser SDK of dasi: the global `IMP` that pages written for Iamport V1 already use.
 *
 * One file, no dependency, ES2017. On a PC the PG's window is a popup of its own and the result
 * comes to the callback; on a phone the whole page goes to the window and returns to
 * `m_redirect_url`. Every call ends in exactly one result. That result is for display only: the
 * merchant's server reads the payment from the gateway's REST API and never trusts a browser.
 */
(function () {
  "use strict";

  /**
   * @typedef {{[name: string]: any}} Param    the parameters of request_pay
   * @typedef {{[name: string]: any}} Rsp      the result for the page
   * @typedef {(rsp: Rsp) => void} Callback
   * @typedef {{imp_uid: string, merchant_uid: string, window_token: string, window_url: string}} Opened
   * @typedef {"opening" | "open" | "gone" | "blocked" | "processing" | "offline" | "ending" | "leaving"} Scene
   */

  const VERSION = "0.1.0";
  const PHONE = /iPhone|iPad|Android|Mobile/i;
  /** The PG's window needs this much room inside its frame. */
  const POPUP = { width: 760, height: 720 };
  const REGISTER_TIMEOUT_MS = 60000;
  const ASK_TIMEOUT_MS = 15000;
  const BEAT_MS = 400;
  const BEATS_PER_LOOK = 6;
  /** A popup that looks closed for this long is more than between two pages. It may still be open:
   * under `Cross-Origin-Opener-Policy` a page loses its popup, and `closed` is true from then on. */
  const GRACE_MS = 1200;
  const GIVE_UP_TRIES = 3;
  const LEAVE_TIMEOUT_MS = 20000;

  const WORDS = {
    no_init: "IMP.init()을 먼저 호출해 주십시오. (가맹점 식별코드가 없습니다)",
    no_param: "결제요청 파라메터가 누락되었습니다.",
    not_json: "결제요청 파라메터를 JSON으로 바꿀 수 없습니다.",
    no_tier: "하위 상점(tier)은 지원하지 않습니다. 하위 상점도 자신의 가맹점 식별코드로 IMP.init()을 호출해 주십시오.",
    busy: "이미 진행 중인 결제가 있습니다. 열려 있는 결제 창을 먼저 마치거나 닫아 주십시오.",
    no_gateway: "결제 서버에 연결하지 못했습니다. 네트워크를 확인하고 잠시 후 다시 시도해 주십시오.",
    no_way_back: "m_redirect_url이 없습니다. 모바일에서는 결제 창에서 이 페이지로 결과가 돌아오지 않으니 m_redirect_url을 지정해 주십시오. (without m_redirect_url a phone does not return to this page)",
    stopped: "F0005:결제가 중단되었습니다.",
    in_doubt: "결제 결과를 확인하고 있습니다. 다시 결제하지 마십시오. 확정되면 상점에 알려집니다.",
  };

  const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
  const GATEWAY = gatewayOf(script);
  const GATEWAY_ORIGIN = new URL(GATEWAY).origin;

  /** @type {string | null} */
  let userCode = null;
  /** @type {string | null} */
  let tierCode = null;
  /** The one call under way: a page has one payer, who can be in one window at a time.
   * @type {{giveUp: () => void, leave: () => void, show: () => void} | null} */
  let underWay = null;

  /** Where the gateway is: `data-gateway`, or where this script came from. A gateway may live under
   * a path, so only the part that names the script is cut off.
   * @param {HTMLScriptElement | null} tag */
  function gatewayOf(tag) {
    const named = tag && tag.getAttribute("data-gateway");
    const url = new URL(named || (tag && tag.src) || location.href, location.href);
    const scripts = /\/(?:sdk\/imp|v1\/iamport|js\/iamport\.payment[^/]*)\.js$/;
    const path = named || scripts.test(url.pathname) ? url.pathname.replace(scripts, "") : "";
    return url.origin + path.replace(/\/+$/, "");
  }

  /** @param {Param} param @param {string} code @param {string} text @param {string | null} [impUid]
   * @returns {Rsp} */
  function refusal(param, code, text, impUid) {
    const merchant_uid = param.merchant_uid === undefined ? null : String(param.merchant_uid);
    return { success: false, imp_uid: impUid || null, merchant_uid, pay_method: param.pay_method || "card", error_code: code, error_msg: text };
  }

  /** Sends a request to the gateway and returns its JSON, also of a refusal. Rejects without answer.
   * @param {string} path @param {RequestInit} init @param {number} timeoutMs @returns {Promise<any>} */
  async function ask(path, init, timeoutMs) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), timeoutMs);
    try {
      const common = { credentials: "omit", cache: "no-store", signal: stop.signal };
      const answer = await fetch(`${GATEWAY}/checkout/${path}`, Object.assign(common, init));
      const body = await answer.json();
      if (answer.status >= 500 && !(body && body.rsp)) throw new Error(`the gateway answered ${answer.status}`);
      return body;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Registers the window. Moves no money, so a lost answer only leaves a window without a payer.
   * @param {string} code @param {Param} param @param {"pc" | "mobile"} device
   * @returns {Promise<{opened: Opened} | {rsp: Rsp}>} */
  async function register(code, param, device) {
    let body;
    try {
      body = JSON.stringify({ param, device, page_url: location.origin + location.pathname });
    } catch (notJson) {
      return { rsp: refusal(param, "F400", `${WORDS.not_json} (${notJson})`) };
    }
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body };
    try {
      const body = await ask(`${encodeURIComponent(code)}/windows`, init, REGISTER_TIMEOUT_MS);
      if (body && body.rsp) return { rsp: body.rsp };
      if (body && body.window_token && /^https?:/.test(body.window_url)) return { opened: body };
    } catch (unreachable) {
      console.warn("IMP: the gateway did not answer", unreachable);
    }
    return { rsp: refusal(param, "F503", WORDS.no_gateway) };
  }

  /** Returns a callback that delivers once: to the page's callback; without one, at m_redirect_url; on a phone without either, at
   * the gateway's own page. It runs in a task of its own, so that an error in the page's
   * callback stays the page's.
   * @param {Param} param @param {Callback | undefined} callback @param {boolean} onPhone
   * @returns {Callback} */
  function onceTo(param, callback, onPhone) {
    let isDelivered = false;
    return (rsp) => {
      if (isDelivered) return;
      isDelivered = true;
      if (!rsp.success) console.warn(`IMP: ${rsp.error_code} ${rsp.error_msg}`, rsp);
      setTimeout(() => {
        if (callback) callback(rsp);
        else if (mayGoTo(param.m_redirect_url)) location.assign(withResult(param.m_redirect_url, rsp));
        else if (onPhone) location.assign(withResult(`${GATEWAY}/payments/${rsp.success ? "success" : "fail"}`, rsp));
      });
    };
  }

  /** Whether a URL is a place to navigate to, not a script that a browser would run.
   * @param {any} address @returns {address is string} */
  function mayGoTo(address) {
    if (typeof address !== "string") return false;
    try {
      return !/^(?:javascript|data|vbscript|blob|file|filesystem|about|view-source):/.test(new URL(address).protocol);
    } catch (notAbsolute) {
      return false;
    }
  }

  /** The address with the result in its query; its own query and hash are kept, but for an earlier
   * result in it.
   * @param {string} address @param {Rsp} rsp */
  function withResult(address, rsp) {
    const added = new URLSearchParams();
    added.set("imp_uid", rsp.imp_uid || "");
    added.set("merchant_uid", rsp.merchant_uid || "");
    added.set("imp_success", String(Boolean(rsp.success)));
    added.set("success", String(Boolean(rsp.success)));
    if (rsp.error_code) added.set("error_code", rsp.error_code);
    if (rsp.error_msg) added.set("error_msg", rsp.error_msg);
    const [, path = "", query = "", hash = ""] = /^([^?#]*)\??([^#]*)(#[^]*)?$/.exec(address) || [];
    const earlier = /^(?:imp_uid|merchant_uid|imp_success|success|error_code|error_msg)(?:=|$)/;
    const kept = query.split("&").filter((pair) => pair && !earlier.test(pair));
    return `${path}?${kept.concat(added.toString()).join("&")}${hash}`;
  }

  /** @param {string} url @returns {Window | null} */
  function openPopup(url) {
    const width = Math.min(POPUP.width, Math.max(720, screen.availWidth));
    const height = Math.min(POPUP.height, Math.max(680, screen.availHeight));
    const left = Math.max(0, Math.round(window.screenX + (window.outerWidth - width) / 2));
    const top = Math.max(0, Math.round(window.screenY + (window.outerHeight - height) / 2));
    const features = `popup=yes,width=${width},height=${height},left=${left},top=${top},resizable=yes,scrollbars=yes`;
    const popup = window.open(url, `dasi_${Math.random().toString(36).slice(2)}`, features);
    return popup && !popup.closed ? popup : null;
  }

  /** One payment on a PC: the popup, the layer over the page, and the one result. */
  class PopupCall {
    /** @param {string} code @param {Param} param @param {Callback} deliver */
    constructor(code, param, deliver) {
      this.code = code;
      this.param = param;
      this.deliver = deliver;
      /** @type {Opened | null} */
      this.opened = null;
      /** @type {number | null} */
      this.goneSince = null;
      this.beats = 0;
      this.troubles = 0;
      this.isAsking = false;
      this.isEnding = false;
      this.isCloseHeard = false;
      this.isDone = false;
      // At once, inside the payer's gesture: a popup opened after an answer came is blocked.
      this.popup = openPopup(`${GATEWAY}/checkout/${encodeURIComponent(code)}/opening`);
      this.layer = new Layer(() => this.show(), () => this.giveUp());
      this.layer.play("opening");
      this.listen = (/** @type {MessageEvent} */ event) => this.onMessage(event);
      window.addEventListener("message", this.listen);
      this.timer = setInterval(() => this.beat(), BEAT_MS);
    }

    async run() {
      const got = await register(this.code, this.param, "pc");
      if ("rsp" in got) return this.finish(got.rsp);
      this.opened = got.opened;
      if (this.isEnding) return this.look("close");
      if (this.popup && !this.popup.closed) {
        this.popup.location.replace(this.opened.window_url);
        this.layer.play("open");
      } else {
        this.popup = null;
        this.layer.play("blocked");
      }
    }

    /** Brings the window forward, or opens it in this fresh gesture. */
    show() {
      if (this.popup && !this.popup.closed) return this.popup.focus();
      if (!this.opened || (this.layer.scene !== "blocked" && this.layer.scene !== "gone")) return;
      this.goneSince = null;
      this.popup = openPopup(this.opened.window_url);
      if (this.popup) this.layer.play("open");
      else this.leadOn();
    }

    /** A browser that opens no window even in a gesture (a web view) goes to the PG itself, as a
     * phone does. The unused window is closed. */
    leadOn() {
      this.leave();
      this.putAway();
      const call = new LeavingCall(this.code, this.param, this.deliver);
      underWay = call;
      void call.run();
    }

    beat() {
      if (!this.opened || this.isDone) return;
      this.beats += 1;
      const isGone = this.popup !== null && this.popup.closed;
      this.goneSince = isGone ? this.goneSince || Date.now() : null;
      // `closed` proves nothing, so it never ends a payment: the payer decides, the gateway knows.
      if (this.layer.scene === "open" && this.goneSince && Date.now() - this.goneSince > GRACE_MS) this.layer.play("gone");
      else if (this.layer.scene === "gone" && !isGone) this.layer.play("open");
      const isSlowBeat = this.beats % BEATS_PER_LOOK === 0;
      if (this.isEnding && !this.isCloseHeard && (isSlowBeat || !this.troubles)) this.look("close");
      else if (isSlowBeat) this.look("result");
    }

    /** The payer gives up. The server decides the result: a payer who had already returned from the
     * PG is not cut off. Without network the result stays unknown. */
    giveUp() {
      if (this.layer.scene === "offline") return this.finish(this.inDoubt());
      this.isEnding = true;
      this.isCloseHeard = false;
      this.troubles = 0;
      this.layer.play("ending");
      if (this.popup) this.popup.close();
      this.look("close");
    }

    inDoubt() {
      return refusal(this.param, "F0006", WORDS.in_doubt, this.opened && this.opened.imp_uid);
    }

    /** @param {"result" | "close"} action */
    async look(action) {
      if (this.isAsking || this.isDone || !this.opened) return;
      this.isAsking = true;
      const path = `${encodeURIComponent(this.code)}/windows/${encodeURIComponent(this.opened.window_token)}/${action}`;
      try {
        const body = await ask(path, { method: action === "close" ? "POST" : "GET" }, ASK_TIMEOUT_MS);
        this.troubles = 0;
        if (action === "close") this.isCloseHeard = true;
        if (body.rsp) this.finish(body.rsp);
        else if (body.error) this.finish(this.inDoubt());
        else if (body.progress === "processing") this.layer.play("processing");
        else if (this.layer.scene === "processing" || this.layer.scene === "offline") this.layer.play("open");
      } catch (unreachable) {
        this.troubles += 1;
        if (this.isEnding && this.troubles >= GIVE_UP_TRIES) this.layer.play("offline");
      } finally {
        this.isAsking = false;
      }
    }

    /** Accepts messages of the gateway's own result page about this window only.
     * @param {MessageEvent} event */
    onMessage(event) {
      if (event.origin !== GATEWAY_ORIGIN || !this.opened || this.isDone) return;
      const message = event.data;
      if (!message || typeof message !== "object" || message.source !== "dasi" || message.kind !== "done") return;
      if (message.window_token !== this.opened.window_token) return;
      if (!message.rsp || typeof message.rsp !== "object" || typeof message.rsp.merchant_uid !== "string") return;
      const reply = { source: "dasi", kind: "heard", window_token: message.window_token };
      if (event.source) /** @type {Window} */ (event.source).postMessage(reply, GATEWAY_ORIGIN);
      this.finish(message.rsp);
    }

    /** @param {Rsp} rsp */
    finish(rsp) {
      if (this.isDone) return;
      this.putAway();
      if (this.popup) this.popup.close();
      window.focus();
      this.deliver(rsp);
    }

    /** The page itself is leaving, and the callback with it: an open window is closed, so that no
     * payment is made without a page that gets its result. */
    leave() {
      if (this.opened && !this.isDone) {
        const path = `${encodeURIComponent(this.code)}/windows/${encodeURIComponent(this.opened.window_token)}/close`;
        navigator.sendBeacon(`${GATEWAY}/checkout/${path}`);
      }
      if (this.popup) this.popup.close();
    }

    putAway() {
      this.isDone = true;
      if (underWay === this) underWay = null;
      clearInterval(this.timer);
      window.removeEventListener("message", this.listen);
      this.layer.remove();
    }
  }

  /** One payment on a phone: the page itself goes to the window. */
  class LeavingCall {
    /** @param {string} code @param {Param} param @param {Callback} deliver */
    constructor(code, param, deliver) {
      this.code = code;
      this.param = param;
      this.deliver = deliver;
      this.layer = new Layer(() => {}, () => {});
      this.layer.play("leaving");
    }

    async run() {
      const got = await register(this.code, this.param, "mobile");
      if (underWay !== this) return;
      if ("rsp" in got) {
        this.leave();
        this.deliver(got.rsp);
      } else {
        location.assign(got.opened.window_url);
        // A web view may swallow the navigation: the page must not stay covered for ever.
        setTimeout(() => this.leave(), LEAVE_TIMEOUT_MS);
      }
    }

    show() {}

    giveUp() {
      this.leave();
      this.deliver(refusal(this.param, "F0005", WORDS.stopped));
    }

    /** Also when the payer returns by the browser's back button: the page must be usable. */
    leave() {
      if (underWay === this) underWay = null;
      this.layer.remove();
    }
  }

  /** The texts and the buttons of each scene.
   * @type {{[scene in Scene]: {title: string, text: string, en: string, show?: string, stop?: string}}} */
  const SCENES = {
    opening: { title: "결제 창을 여는 중입니다", text: "잠시만 기다려 주십시오.", en: "Opening the payment window…", stop: "그만두기" },
    open: { title: "결제 창이 열려 있습니다", text: "새 창에서 결제를 진행해 주십시오. 이 페이지는 닫지 마십시오.", en: "Continue in the payment window.", show: "창 다시 보기", stop: "그만두기" },
    gone: { title: "결제 창에서 계속해 주십시오", text: "결제 창이 열려 있으면 그대로 진행해 주십시오. 창을 닫았으면 다시 열 수 있습니다.", en: "Continue in the payment window, or open it again.", show: "결제 창 다시 열기", stop: "그만두기" },
    blocked: { title: "브라우저가 결제 창을 막았습니다", text: "아래 버튼을 누르면 결제 창이 열립니다.", en: "Your browser blocked the payment window.", show: "결제 창 열기", stop: "그만두기" },
    processing: { title: "결제를 확인하고 있습니다", text: "승인 결과를 기다리는 중입니다. 이 페이지를 닫거나 다시 결제하지 마십시오.", en: "Confirming. Please do not pay again." },
    offline: { title: "결과를 확인하지 못하고 있습니다", text: "네트워크를 확인해 주십시오. 연결되면 결과를 이어서 확인합니다.", en: "Offline: the result is not known yet.", stop: "기다리지 않기" },
    ending: { title: "결제 창을 닫고 있습니다", text: "결과를 확인하는 중입니다.", en: "Closing the payment window…" },
    leaving: { title: "결제 창으로 이동합니다", text: "잠시만 기다려 주십시오.", en: "Going to the payment window…" },
  };

  const STYLE = `
    :host { all: initial; }
    .veil { position: fixed; inset: 0; z-index: 2147483647; display: flex; align-items: center; justify-content: center; padding: 20px;
      background: rgba(15, 20, 30, .52); font: 15px/1.6 system-ui, -apple-system, "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic", sans-serif; }
    .card { box-sizing: border-box; width: 100%; max-width: 380px; padding: 32px 28px 24px; border-radius: 20px; text-align: center;
      background: #fff; color: #1a2029; box-shadow: 0 20px 60px rgba(0, 0, 0, .28); outline: none; word-break: keep-all; }
    .sign { width: 40px; height: 40px; margin: 0 auto 18px; border-radius: 50%; border: 3px solid #dfe5ee; border-top-color: #2f6feb; animation: turn 1.1s linear infinite; }
    .card[data-scene=blocked] .sign, .card[data-scene=offline] .sign { animation: none; border-color: #e3a008; }
    .card[data-scene=blocked] .sign::after, .card[data-scene=offline] .sign::after { content: "!"; font-size: 24px; font-weight: 700; line-height: 40px; color: #c98a04; }
    h2 { margin: 0 0 8px; font-size: 19px; line-height: 1.4; letter-spacing: -.02em; }
    p { margin: 0; color: #566070; text-wrap: balance; }
    .en { margin-top: 4px; font-size: 13px; opacity: .8; }
    .acts { display: flex; flex-direction: column; gap: 8px; margin-top: 24px; }
    .acts:empty { display: none; }
    button { box-sizing: border-box; width: 100%; min-height: 48px; border: 0; border-radius: 12px; font: inherit; font-weight: 600; cursor: pointer; }
    .show { background: #2f6feb; color: #fff; } .show:hover { background: #245bd0; }
    .stop { background: #eef1f6; color: #3b4554; } .stop:hover { background: #e2e7ef; }
    button:focus-visible { outline: 3px solid #8fb4ff; outline-offset: 2px; }
    @keyframes turn { to { transform: rotate(360deg); } }
    @media (prefers-reduced-motion: reduce) { .sign { animation-duration: 6s; } }
    @media (prefers-color-scheme: dark) {
      .card { background: #1c222c; color: #eef2f8; } p { color: #a5b0c0; } .sign { border-color: #364152; border-top-color: #6ea0ff; }
      .stop { background: #2b3442; color: #dbe2ec; } .stop:hover { background: #354052; }
    }`;

  /** The calm layer over the page while the payer is elsewhere. A shadow tree, so that the page's
   * styles and ours never meet; built node by node, so that a strict page policy allows it. */
  class Layer {
    /** @param {() => void} onShow @param {() => void} onStop */
    constructor(onShow, onStop) {
      this.onShow = onShow;
      this.onStop = onStop;
      /** @type {Scene | null} */
      this.scene = null;
      this.focusedBefore = document.activeElement;
      this.host = document.createElement("div");
      this.host.className = "dasi-layer";
      const root = this.host.attachShadow({ mode: "open" });
      dress(root);
      const veil = make("div", "veil");
      this.card = make("div", "card");
      this.card.setAttribute("role", "dialog");
      this.card.setAttribute("aria-modal", "true");
      this.card.setAttribute("aria-labelledby", "title");
      this.card.setAttribute("aria-describedby", "text");
      this.card.setAttribute("lang", "ko");
      this.card.tabIndex = -1;
      this.title = Object.assign(make("h2", "title"), { id: "title" });
      this.text = Object.assign(make("p", "text"), { id: "text" });
      this.text.setAttribute("aria-live", "polite");
      this.english = Object.assign(make("p", "en"), { lang: "en" });
      this.acts = make("div", "acts");
      const sign = make("div", "sign");
      sign.setAttribute("aria-hidden", "true");
      this.card.append(sign, this.title, this.text, this.english, this.acts);
      veil.append(this.card);
      root.append(veil);
      this.card.addEventListener("keydown", (event) => this.onKey(event));
      (document.body || document.documentElement).append(this.host);
    }

    /** @param {Scene} scene */
    play(scene) {
      if (this.scene === scene) return;
      this.scene = scene;
      const texts = SCENES[scene];
      this.card.dataset.scene = scene;
      this.title.textContent = texts.title;
      this.text.textContent = texts.text;
      this.english.textContent = texts.en;
      this.acts.textContent = "";
      if (texts.show) this.acts.append(button("show", texts.show, this.onShow));
      if (texts.stop) this.acts.append(button("stop", texts.stop, this.onStop));
      /** @type {HTMLElement} */ (this.acts.querySelector("button") || this.card).focus();
    }

    /** Esc shows the window again rather than end a payment by a slip; Tab stays inside.
     * @param {KeyboardEvent} event */
    onKey(event) {
      event.stopPropagation();
      if (event.key === "Escape") {
        event.preventDefault();
        this.onShow();
      } else if (event.key === "Tab") {
        const stops = Array.from(this.acts.querySelectorAll("button"));
        const at = stops.indexOf(/** @type {any} */ (this.host.shadowRoot && this.host.shadowRoot.activeElement));
        const next = stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length] || this.card;
        event.preventDefault();
        next.focus();
      }
    }

    remove() {
      if (!this.host.isConnected) return;
      this.host.remove();
      if (this.focusedBefore instanceof HTMLElement) this.focusedBefore.focus();
    }
  }

  /** A constructed sheet is not subject to the page's style policy; older browsers get an element.
   * @param {ShadowRoot} root */
  function dress(root) {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    } catch (older) {
      root.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
    }
  }

  /** @param {string} tag @param {string} name */
  function make(tag, name) {
    return Object.assign(document.createElement(tag), { className: name });
  }

  /** @param {string} name @param {string} text @param {() => void} act */
  function button(name, text, act) {
    const made = Object.assign(document.createElement("button"), { type: "button", className: name, textContent: text });
    made.addEventListener("click", act);
    return made;
  }

  window.addEventListener("pagehide", () => underWay && underWay.leave());

  /** The page's parameters with Iamport's defaults; null and undefined count as absent.
   * @param {Param} param @returns {Param} */
  function withDefaults(param) {
    /** @type {Param} */
    const params = { merchant_uid: `nobody_${Date.now()}`, pay_method: "card" };
    for (const name of Object.keys(param)) {
      if (param[name] !== undefined && param[name] !== null) params[name] = param[name];
    }
    const back = params.m_redirect_url;
    if (typeof back === "string" && back && !/^[a-z][a-z0-9+.-]*:/i.test(back)) {
      params.m_redirect_url = new URL(back, location.href).href;
    }
    return params;
  }

  /** Returns a member of Iamport's SDK that this gateway lacks: it fails in the form callers expect.
   * @param {string} name */
  function refuses(name) {
    return (/** @type {any} */ param, /** @type {any} */ callback) => {
      const text = `IMP.${name}은(는) 이 결제 서버가 지원하지 않습니다.`;
      if (typeof callback === "function") callback(refusal(Object(param), "F501", text));
      else alert(text);
      return false;
    };
  }

  const IMP = {
    /** `dasi`, so that a page can identify the script. */
    provider: "dasi",
    version: VERSION,

    /** @param {string} code  the merchant's identification code */
    init(code) {
      userCode = typeof code === "string" && code.trim() ? code.trim() : null;
      tierCode = null;
      if (!userCode) alert(WORDS.no_init);
    },

    /** @param {string} code @param {string} [tier] */
    agency(code, tier) {
      IMP.init(code);
      tierCode = tier || null;
    },

    /** @param {Param} param @param {Callback} [callback] @returns {false | undefined} */
    request_pay(param, callback) {
      if (!userCode) {
        alert(WORDS.no_init);
        return false;
      }
      if (!param || typeof param !== "object") {
        alert(WORDS.no_param);
        return false;
      }
      const request = withDefaults(param);
      const onPhone = PHONE.test(navigator.userAgent);
      const deliver = onceTo(request, typeof callback === "function" ? callback : undefined, onPhone);
      if (underWay) {
        // The first call stays as it is; only the callback of the second gets an error.
        underWay.show();
        if (callback) deliver(refusal(request, "F409", WORDS.busy));
        else console.warn(`IMP: F409 ${WORDS.busy}`);
        return undefined;
      }
      if (tierCode) {
        deliver(refusal(request, "F400", WORDS.no_tier));
        return undefined;
      }
      if (onPhone && !mayGoTo(request.m_redirect_url)) console.warn(`IMP: ${WORDS.no_way_back}`);
      const call = onPhone ? new LeavingCall(userCode, request, deliver) : new PopupCall(userCode, request, deliver);
      underWay = call;
      void call.run();
      return undefined;
    },

    /** Ends the call under way, as the layer's own button does. */
    close() {
      if (underWay) underWay.giveUp();
    },

    certification: refuses("certification"),
    loadUI: refuses("loadUI"),
    updateLoadUIRequest: refuses("updateLoadUIRequest"),
    naver_zzim: refuses("naver_zzim"),
    payport: refuses("payport"),
    communicate: refuses("communicate"),

    /** @returns {Promise<never>} */
    loadModule() {
      return Promise.reject(new Error("F501: IMP.loadModule은 이 결제 서버가 지원하지 않습니다."));
    },
  };

  // A second tag must not orphan a payment that the first one's script has under way.
  const page = /** @type {{IMP?: {provider?: string}}} */ (/** @type {unknown} */ (window));
  if (!page.IMP || page.IMP.provider !== "dasi") page.IMP = IMP;
})();
