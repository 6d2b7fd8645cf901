// What every part of the page needs: asking the sandbox, making elements, writing times.
export const $ = (selector, root = document) => root.querySelector(selector);

const listeners = [];
export const afterwards = (listener) => listeners.push(listener);

export async function ask(path, body, method = body === undefined ? "GET" : "POST") {
  const raw = body instanceof Blob;
  const options = { method, headers: { "Content-Type": raw ? body.type : "application/json" } };
  if (body !== undefined) options.body = raw ? body : JSON.stringify(body);
  return (await fetch(`_sandbox/${path}`, options)).json();
}

// Does something and lets the page look at once at what came of it.
export async function tell(path, body, method) {
  try {
    return await ask(path, body, method);
  } finally {
    for (const listener of listeners) listener();
  }
}

export const act = (openid, verb, body = {}) => tell(`users/${openid}/${verb}`, body);

// Opens a page as this phone: WeChat says so when the page asks who looks at it.
export const browse = (openid, url) => open(browsed(openid, url), "_blank", "noopener");
export const browsed = (openid, url) => `_sandbox/users/${openid}/browse?url=${encodeURIComponent(url)}`;

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function button(text, onClick, className) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

export function when(seconds, zone, options) {
  const told = new Intl.DateTimeFormat("zh-CN", { timeZone: zone, hourCycle: "h23", ...options }).format(seconds * 1000);
  return told.replace(/(?<=日)(?=周)|(?<=周.)(?=\d)/g, " ");
}
