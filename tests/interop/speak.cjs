// One message to a back end, signed, encrypted and read again by an implementation that shares nothing with ours.
// Usage: node speak.cjs URL TOKEN KEY APPID TIMESTAMP MESSAGE_XML; prints {status, body} or {status, appid, message}.
const http = require("node:http");
const Crypto = require("wechat-crypto");

const [url, token, key, appid, timestamp, message] = process.argv.slice(2);
const crypto = new Crypto(token, key, appid);
const field = (xml, name) => (xml.match(new RegExp(`<${name}>(?:<!\\[CDATA\\[)?(.*?)(?:\\]\\]>)?</${name}>`, "s")) || [])[1];

const nonce = String(Math.floor(Math.random() * 1e9));
const encrypted = crypto.encrypt(message);
const query = new URLSearchParams({
  timestamp, nonce, encrypt_type: "aes", msg_signature: crypto.getSignature(timestamp, nonce, encrypted),
});
const body = `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`;

const request = http.request(`${url}?${query}`, { method: "POST", headers: { "Content-Type": "text/xml" } }, (response) => {
  let answer = "";
  response.setEncoding("utf8");
  response.on("data", (part) => { answer += part; });
  response.on("end", () => {
    const sealed = field(answer, "Encrypt");
    if (!sealed) {
      console.log(JSON.stringify({ status: response.statusCode, body: answer }));
      return;
    }
    const expected = crypto.getSignature(field(answer, "TimeStamp"), field(answer, "Nonce"), sealed);
    if (expected !== field(answer, "MsgSignature")) throw new Error("the reply's signature is wrong");
    const opened = crypto.decrypt(sealed);
    console.log(JSON.stringify({ status: response.statusCode, appid: opened.id, message: opened.message }));
  });
});
request.end(body);
