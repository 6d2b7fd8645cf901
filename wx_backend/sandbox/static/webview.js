// What WeChat's browser brings to a page, for a browser that is none: its name, its bridge, the tag wx-open-subscribe.
(() => {
  const sandbox = new URL(document.currentScript.src).origin;
  const name = `${navigator.userAgent} MicroMessenger/8.0.50`;
  Object.defineProperty(navigator, "userAgent", { get: () => name });

  const ask = async (path, body) => {
    const options = { method: "POST", credentials: "include", body: JSON.stringify(body) };
    return (await fetch(`${sandbox}/_sandbox/webview/${path}`, options)).json();
  };

  const WINDOW = `
    dialog { width: min(20rem, 90vw); border: 0; border-radius: 14px; padding: 20px; font: 20px/1.5 sans-serif; color: #111; }
    dialog::backdrop { background: rgb(0 0 0 / 50%); }
    dialog button { width: 100%; min-height: 60px; margin-top: 10px; border: 0; border-radius: 10px; font: inherit; }
    dialog [value=accept] { background: #07803f; color: #fff; }
    dialog label { display: flex; align-items: center; gap: 10px; min-height: 60px; }
    dialog input { width: 26px; height: 26px; }`;

  const make = (kind, text, more = {}) => Object.assign(document.createElement(kind), { textContent: text }, more);

  // The person is asked: yes or no, and whether it is to stay so.
  function question(root, title) {
    const box = make("dialog", "");
    const form = make("form", "", { method: "dialog" });
    const keep = make("input", "", { type: "checkbox" });
    const label = make("label", "");
    label.append(keep, "总是保持以上选择，不再询问");
    const choices = [["accept", "允许"], ["cancel", "取消"]].map(([value, text]) => make("button", text, { value }));
    form.append(make("p", "公众号请求发送订阅通知"), make("b", title), label, ...choices);
    box.append(form);
    root.append(box);
    box.showModal();
    return new Promise((done) => box.addEventListener("close", () => {
      box.remove();
      done({ answer: box.returnValue || "cancel", keep: keep.checked });
    }));
  }

  class Subscribe extends HTMLElement {
    connectedCallback() {
      if (this.drawn) return;
      const parts = [...this.querySelectorAll("script[type='text/wxtag-template']")];
      const root = this.drawn = this.attachShadow({ mode: "open" });
      const style = new CSSStyleSheet();
      const looks = parts.filter((part) => part.slot === "style").map((part) => part.textContent.replace(/<\/?style>/g, ""));
      style.replaceSync(`:host { display: block; } ${looks.join("")} ${WINDOW}`);
      root.adoptedStyleSheets = [style];
      const content = make("div", "");
      content.innerHTML = parts.filter((part) => part.slot !== "style").map((part) => part.textContent).join("");
      content.addEventListener("click", () => this.tapped());
      root.append(content);
    }

    async tapped() {
      const template = this.getAttribute("template");
      let said = await ask("subscribe", { template });
      if (said.ask) said = await ask("subscribe", { template, ...await question(this.drawn, said.ask) });
      const details = JSON.stringify({ [template]: JSON.stringify({ status: said.status }) });
      const [event, detail] = said.error
        ? ["error", { errMsg: said.error, errCode: 20001 }]
        : ["success", { errMsg: "subscribe:ok", subscribeDetails: details }];
      this.dispatchEvent(new CustomEvent(event, { detail }));
    }
  }

  async function verify(asked, done) {
    const said = await ask("verify", { ...asked, url: location.href });
    if (said.err_msg.endsWith(":ok") && asked.verifyOpenTagList?.includes("wx-open-subscribe")) {
      customElements.define("wx-open-subscribe", Subscribe);
    }
    done(said);
  }

  window.WeixinJSBridge = {
    invoke: (deed, asked, done) => (deed === "preVerifyJSAPI" ? verify(asked, done) : done({ err_msg: `${deed}:ok` })),
    on() {},
  };
})();
