// The line to the server: it says by POST, in order, and hears by WebSocket or, where that fails, by asking again and
// again. What is heard is the same either way, and nothing is missed in between: each message has its place.
"use strict";

const SILENT_AFTER = 12000; // ms; the server says something every five seconds, if only that there is nothing

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class Line {
  // tell: heard(message), closed({code, sentence}), busy(true | false)
  constructor(base, tell) {
    this.base = base;
    this.tell = tell;
    this.since = "0";
    this.waiting = [];
    this.over = false;
    this.turn = 0; // of whoever hears: an older one stops when it sees a newer
    this.wireAfter = 0;
  }

  // Answers the JSON of the answer, null for none; asks again while the network or the server is away.
  async post(what, body = {}) {
    for (let n = 0; !this.over; n += 1) {
      const answer = await this.ask(what, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      if (answer !== undefined) return answer;
      await pause(Math.min(500 * 2 ** n, 5000));
    }
    return null;
  }

  // undefined: nobody answered, ask again.
  async ask(what, how) {
    try {
      const answer = await fetch(`${this.base}/${what}`, how);
      if (answer.status === 204) return null;
      if (answer.ok) return await answer.json();
      if (answer.status === 429 || answer.status >= 500) return undefined;
      const said = await answer.json().catch(() => ({}));
      if (said.closed) this.end(said.closed);
      return null;
    } catch {
      return undefined;
    }
  }

  end(why) {
    if (this.over) return;
    this.hangUp();
    this.tell.closed(why);
  }

  hangUp() {
    this.over = true;
    this.turn += 1;
    this.socket?.close();
  }

  // A page has much to say at once (its candidates): what gathers meanwhile goes together.
  say(to, data) {
    this.waiting.push({ to, data });
    this.saying ??= this.flush().finally(() => { this.saying = null; });
  }

  async flush() {
    while (this.waiting.length && !this.over) {
      await pause(30);
      const batch = this.waiting.splice(0, 40);
      await this.post("say", { say: batch });
    }
  }

  take(news) {
    this.since = news.since;
    for (const one of news.said) this.tell.heard(one);
  }

  // Hears from this place on, until the line is over; called again, it begins anew (after a change of network).
  async hear(since = this.since) {
    this.since = since;
    const turn = (this.turn += 1);
    this.socket?.close();
    while (turn === this.turn) {
      if (Date.now() >= this.wireAfter && window.WebSocket) {
        if (!(await this.wire(turn))) this.wireAfter = Date.now() + 30000;
      } else {
        await this.poll(turn);
      }
    }
  }

  // One WebSocket, until it ends; answers whether it was of use.
  wire(turn) {
    return new Promise((done) => {
      const address = new URL(`${this.base}/wire?since=${this.since}`, location.href);
      address.protocol = address.protocol.replace("http", "ws");
      const socket = (this.socket = new WebSocket(address));
      const began = Date.now();
      const gone = () => {
        clearTimeout(silence);
        done(Date.now() - began > 5000 || turn !== this.turn);
      };
      // A line may be dead without anybody having said so: to close it would wait for an answer that cannot come.
      let silence = 0;
      const listen = (ms) => {
        clearTimeout(silence);
        silence = setTimeout(() => { socket.close(); gone(); }, ms);
      };
      listen(4000);
      socket.onopen = () => {
        listen(SILENT_AFTER);
        this.tell.busy(false);
      };
      socket.onmessage = ({ data }) => {
        if (turn !== this.turn || socket !== this.socket) return;
        listen(SILENT_AFTER);
        const news = JSON.parse(data);
        if (news.closed) this.end(news.closed);
        else this.take(news);
      };
      socket.onclose = gone;
    });
  }

  async poll(turn) {
    const news = await this.ask(`hear?since=${this.since}`, {});
    if (turn !== this.turn) return;
    this.tell.busy(news === undefined);
    if (news) this.take(news);
    await pause(news ? news.again : 1500);
  }
}
