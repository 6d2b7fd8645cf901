// The others: one direct connection to each (WebRTC, "perfect negotiation" as W3C's WebRTC 1.0 describes it in 10.7).
// Whoever comes says so, and those who are there already call them. A page that is loaded anew is a new page.
"use strict";

const DOWN_FOR = 2500; // ms a way may be interrupted before another one is looked for
const NO_WAY_AFTER = 15000; // a word was lost: both begin anew
const GONE_AFTER = 40000;

class Peers {
  // set: me, name, page, ice, policy, stream; tell: changed(), saw(), lost(), renew() → servers, fresh credentials
  constructor(line, set, tell) {
    Object.assign(this, set, { line, tell, all: new Map(), voice: false, hidden: false });
    this.timer = setInterval(() => this.look(), 1000);
  }

  get track() {
    return this.stream.getVideoTracks()[0];
  }

  heard({ from, data }) {
    if (data.come !== undefined) {
      this.drop(from);
      this.make(from, data.name, data.come).calls = true;
    } else if (data.gone) {
      this.drop(from);
    } else if (data.for === this.page) {
      let peer = this.all.get(from);
      if (peer && peer.page !== data.page) this.drop(from);
      peer = this.all.get(from) ?? this.make(from, data.name, data.page);
      peer.work = peer.work.then(() => this.take(peer, data)).catch(() => {});
    }
    this.tell.changed();
  }

  make(id, name, page) {
    const link = new RTCPeerConnection({ iceServers: this.ice, iceTransportPolicy: this.policy });
    const peer = { id, name, page, link, polite: this.me > id, making: false, deaf: false, work: Promise.resolve(), since: Date.now(), restarted: 0 };
    const say = (more) => this.line.say(id, { for: peer.page, page: this.page, name: this.name, ...more });
    this.all.set(id, peer);
    peer.say = say;
    for (const track of this.stream.getTracks()) {
      const sender = link.addTrack(track, this.stream);
      if (track.kind === "video") peer.sender = sender;
    }
    for (const kind of ["audio", "video"]) {
      if (!this.stream.getTracks().some((track) => track.kind === kind)) link.addTransceiver(kind, { direction: "recvonly" });
    }
    if (peer.sender && this.dark) peer.sender.replaceTrack(null);
    link.ontrack = ({ track, streams }) => {
      peer.stream = streams[0] ?? peer.stream ?? new MediaStream([track]);
      this.tell.changed();
    };
    link.onicecandidate = ({ candidate }) => candidate && say({ candidate });
    link.onnegotiationneeded = async () => {
      if (!peer.calls && !link.remoteDescription) return; // they call us
      try {
        peer.making = true;
        await link.setLocalDescription();
        say({ description: link.localDescription, ...this.mine() });
      } catch {
        // The connection was closed meanwhile.
      } finally {
        peer.making = false;
      }
    };
    link.onconnectionstatechange = () => {
      peer.since = Date.now();
      if (link.connectionState === "failed") this.restart(peer);
      this.tell.changed();
    };
    return peer;
  }

  async take(peer, data) {
    const { link } = peer;
    if (data.voice !== undefined) Object.assign(peer, { voice: data.voice, hidden: data.hidden });
    if (data.description) {
      const collides = data.description.type === "offer" && (peer.making || link.signalingState !== "stable");
      peer.deaf = !peer.polite && collides;
      if (peer.deaf) return;
      await link.setRemoteDescription(data.description);
      if (data.description.type === "offer") {
        await link.setLocalDescription();
        peer.say({ description: link.localDescription, ...this.mine() });
      }
    } else if (data.candidate) {
      await link.addIceCandidate(data.candidate).catch((error) => {
        if (!peer.deaf) throw error;
      });
    }
    this.tell.changed();
  }

  drop(id) {
    const peer = this.all.get(id);
    peer?.link.close();
    this.all.delete(id);
  }

  // Another way is looked for, with credentials that are good for it.
  async restart(peer) {
    if (Date.now() - peer.restarted < 4000) return;
    peer.restarted = Date.now();
    this.ice = (await this.tell.renew()) ?? this.ice;
    if (peer.link.signalingState === "closed") return;
    peer.link.setConfiguration({ iceServers: this.ice, iceTransportPolicy: this.policy });
    peer.link.restartIce();
  }

  restartAll() {
    for (const peer of this.all.values()) this.restart(peer);
  }

  // Only sound, for a weak network or because one wants it so; the others are told which.
  get dark() {
    return this.voice || this.hidden;
  }

  mine() {
    return { voice: this.voice, hidden: this.hidden };
  }

  show(change) {
    Object.assign(this, change);
    for (const peer of this.all.values()) {
      peer.sender?.replaceTrack(this.dark ? null : this.track).catch(() => {});
      peer.say(this.mine());
    }
    this.tell.changed();
  }

  async look() {
    const samples = [];
    for (const peer of [...this.all.values()]) {
      const state = peer.link.connectionState;
      const lasted = Date.now() - peer.since;
      if (state === "disconnected" && lasted > DOWN_FOR) this.restart(peer);
      if (["disconnected", "failed"].includes(state) && lasted > GONE_AFTER) this.drop(peer.id);
      if (["new", "connecting"].includes(state) && lasted > NO_WAY_AFTER) {
        this.drop(peer.id);
        this.tell.lost();
      }
      if (state === "connected") samples.push(await this.sample(peer));
    }
    if (samples.length) this.judge(samples);
    this.tell.changed();
  }

  async sample(peer) {
    const found = { loss: 0, rtt: 0, rate: Infinity };
    for (const one of (await peer.link.getStats()).values()) {
      if (one.type === "remote-inbound-rtp") {
        found.loss = Math.max(found.loss, one.fractionLost ?? 0);
        found.rtt = Math.max(found.rtt, one.roundTripTime ?? 0);
      }
      if (one.type === "candidate-pair" && one.nominated && one.availableOutgoingBitrate) found.rate = one.availableOutgoingBitrate;
      if (one.type === "inbound-rtp" && (one.framesDecoded > 0 || (one.kind === "audio" && one.packetsReceived > 50))) this.tell.saw();
    }
    return found;
  }

  // Four bad seconds and only the voice is left; twenty good ones, and the picture comes back, later the next time.
  judge(samples) {
    const worst = (key) => Math.max(...samples.map((one) => one[key]));
    const narrow = Math.min(...samples.map((one) => one.rate)) < 100000;
    const bad = worst("loss") > 0.12 || worst("rtt") > 1.2 || (narrow && !this.dark);
    this.bad = bad ? (this.bad ?? 0) + 1 : 0;
    this.good = bad ? 0 : (this.good ?? 0) + 1;
    if (!this.voice && this.bad >= 4) {
      this.patience = Math.min((this.patience ?? 10) * 2, 160);
      this.show({ voice: true });
    } else if (this.voice && this.good >= this.patience) {
      this.show({ voice: false });
    }
  }

  end() {
    clearInterval(this.timer);
    for (const id of [...this.all.keys()]) this.drop(id);
  }
}
