// The page of a call: in front of the room, in it, and after it. One tap leads in; a page loaded anew goes in by itself.
"use strict";

const ROOM = "/video/room";
const body = document.body;
const at = (id) => document.getElementById(id);
const words = JSON.parse(body.dataset.said);
const says = (key, name = body.dataset.whom) => words[key].replace("{name}", name);
const page = crypto.getRandomValues(new Uint32Array(3)).join("-");
let inside = "inside" in body.dataset;
// Only this page knows it: an answer that was lost is given once more to whoever says it again.
const key = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
let tapped = false;
let stream = null;
let peers = null;
let there = [];
let saw = false;
let trouble = false;
let quiet = () => {};

function show(part) {
  body.dataset.at = part;
  for (const one of ["front", "inside", "blocked", "over"]) at(one).hidden = one !== part;
}

// Camera and microphone; without a camera the voice alone. Answers null after saying why there is neither.
async function open() {
  if (!navigator.mediaDevices?.getUserMedia) return refused("no_devices");
  const sound = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const picture = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { max: 20 }, facingMode: "user" };
  for (const again of [true, false]) {
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: sound, video: picture });
    } catch (error) {
      if (error.name === "NotAllowedError" || error.name === "SecurityError") return refused("refused");
      if (!again || error.name === "NotFoundError") break;
      await pause(1000); // another program is just letting go of the camera
    }
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: sound });
  } catch {
    return refused("no_devices");
  }
}

function refused(why) {
  at("why").textContent = says(why);
  at("how").hidden = why !== "refused";
  show("blocked");
  return null;
}

async function prepare() {
  show("front");
  at("hint").textContent = says("asking");
  stream = await open();
  if (!stream) return;
  const seen = stream.getVideoTracks().length > 0;
  at("mirror").hidden = !seen;
  at("mirror").srcObject = at("me").srcObject = stream;
  at("hint").textContent = says(seen ? "check_lead" : "no_camera");
  at("start").disabled = false;
  quiet = Sound.measure(stream, (loud) => {
    at("sound").setAttribute("aria-valuenow", loud);
    at("sound").firstElementChild.style.width = `${loud}%`;
  });
  if (inside) enter();
  else watch();
}

// In front of the room: who waits inside rings.
async function watch() {
  while (!tapped && body.dataset.at === "front") {
    const answer = await fetch(`${location.pathname}/there`).catch(() => null);
    const said = answer ? await answer.json().catch(() => ({})) : {};
    if (tapped) return; // and the pass is used up, perhaps, by this very page
    if (said.closed && answer.status < 500) return over(said.closed.sentence);
    const waits = said.there?.length > 0;
    at("calling").hidden = !waits;
    if (waits) {
      at("calling").lastElementChild.textContent = says("calling", said.there.join("、"));
      Sound.ring();
    } else {
      Sound.hush();
    }
    await pause(2500);
  }
}

const line = new Line(ROOM, {
  heard: (message) => peers?.heard(message),
  closed: ({ sentence }) => over(sentence),
  busy: (is) => { trouble = is; draw(); },
});

async function enter() {
  tapped = at("start").disabled = at("calling").hidden = true;
  Sound.hush();
  Sound.open();
  const came = inside ? await line.post("come", { page }) : await useUp();
  if (!came) return;
  quiet();
  there = came.there;
  peers = new Peers(
    line,
    { me: came.me, name: came.name, page, ice: came.ice, policy: came.relay_only ? "relay" : "all", stream },
    { changed: draw, saw: tellSaw, lost: () => line.post("come", { page }), renew: async () => (await line.post("ice"))?.ice },
  );
  at("me").hidden = at("hide").hidden = !stream.getVideoTracks().length;
  show("inside");
  draw();
  line.hear(came.since);
  navigator.wakeLock?.request("screen").catch(() => {});
  setTimeout(comeAgain, 6000);
}

// The pass is used up, and this browser is in: from now on the address needs no pass. Asked again until it is answered.
async function useUp() {
  at("hint").textContent = says("starting");
  for (let n = 0; ; n += 1) {
    const answer = await fetch(location.pathname, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ page, key }) }).catch(() => null);
    const said = answer ? await answer.json().catch(() => null) : null;
    if (said && answer.status < 500 && answer.status !== 429) {
      if (said.closed) return over(said.closed.sentence);
      inside = true;
      history.replaceState(null, "", ROOM);
      return said;
    }
    at("hint").textContent = said?.closed?.sentence ?? says("busy");
    await pause(Math.min(1000 * 2 ** n, 5000));
  }
}

// Somebody is there and has not called: what we said was lost. Say it again.
async function comeAgain() {
  if (line.over || !there.length || peers.all.size) return;
  const came = await line.post("come", { page });
  if (!came) return;
  there = came.there;
  setTimeout(comeAgain, 6000);
}

function tellSaw() {
  if (saw) return;
  saw = true;
  line.post("saw");
}

function tile(peer) {
  const made = document.createElement("figure");
  made.className = "other";
  made.dataset.peer = peer.id;
  const picture = document.createElement("video");
  picture.autoplay = picture.playsInline = true;
  picture.setAttribute("aria-label", peer.name);
  const caption = document.createElement("figcaption");
  caption.textContent = peer.name;
  const only = document.createElement("div");
  only.className = "only";
  const name = document.createElement("b");
  name.textContent = peer.name;
  only.append(at("mute").querySelector("svg").cloneNode(true), name, document.createElement("p"));
  made.append(picture, caption, only);
  Sound.chime();
  return made;
}

// The others' pictures, and one line that says how it stands.
function draw() {
  if (!peers || body.dataset.at !== "inside") return;
  const all = [...peers.all.values()];
  for (const one of [...at("others").children]) {
    if (!all.some((peer) => String(peer.id) === one.dataset.peer)) one.remove();
  }
  for (const peer of all.filter((one) => one.stream)) {
    let shown = at("others").querySelector(`[data-peer="${peer.id}"]`);
    if (!shown) at("others").append((shown = tile(peer)));
    const picture = shown.querySelector("video");
    if (picture.srcObject !== peer.stream) {
      picture.srcObject = peer.stream;
      picture.play().catch(unheard);
    }
    const dark = peer.voice || peer.hidden || !peer.stream.getVideoTracks().length;
    shown.classList.toggle("voice", dark);
    if (dark) shown.querySelector("p").textContent = peer.voice ? says("their_voice", peer.name) : says("only_voice", peer.name);
  }
  at("others").classList.toggle("many", at("others").childElementCount > 1);
  at("stage").classList.toggle("alone", !at("others").childElementCount);
  stand(all);
  notice(peers.voice ? says("voice_only") : "");
  for (const [key, on, yes, no] of [["mute", isMuted(), "unmute", "mute"], ["hide", peers.hidden, "show", "hide"]]) {
    at(key).setAttribute("aria-pressed", on);
    at(key).lastElementChild.textContent = says(on ? yes : no);
  }
}

const isMuted = () => stream.getAudioTracks().some((track) => !track.enabled);

let met = false;
function stand(all) {
  const state = (one) => one.link.connectionState;
  const connected = all.filter((one) => state(one) === "connected");
  const broken = all.find((one) => ["disconnected", "failed"].includes(state(one)));
  const coming = all.find((one) => ["new", "connecting"].includes(state(one)));
  let said = met ? says("gone") : says("waiting");
  if (trouble || broken) said = says("trouble");
  else if (connected.length) said = says("talking");
  else if (coming) said = says("connecting", coming.name);
  if (connected.length) met = true;
  const good = connected.length > 0 && !broken && !trouble;
  at("status").classList.toggle("good", good);
  if (at("status").textContent !== said) at("status").textContent = said;
}

function notice(text) {
  at("notice").hidden = !text;
  if (text) at("notice").lastElementChild.textContent = text;
}

// A browser that wants a tap before it lets anybody be heard.
function unheard() {
  notice(says("unheard"));
  addEventListener("pointerdown", () => {
    for (const one of document.querySelectorAll("#others video")) one.play().catch(() => {});
    notice("");
  }, { once: true });
}

function over(sentence, again = false) {
  Sound.hush();
  quiet();
  line.hangUp();
  peers?.end();
  peers = null;
  for (const track of stream?.getTracks() ?? []) track.stop();
  document.querySelector("h1").textContent = says("over_title");
  at("ended").textContent = sentence;
  at("back").hidden = !again;
  show("over");
}

const goodbye = () => inside && !line.over && navigator.sendBeacon(`${ROOM}/leave`);

at("start").onclick = enter;
at("again").onclick = prepare;
at("back").onclick = () => location.assign(ROOM);
at("leave").onclick = () => {
  goodbye();
  over(says("left"), true);
};
at("mute").onclick = () => {
  const on = isMuted();
  for (const track of stream.getAudioTracks()) track.enabled = on;
  draw();
};
at("hide").onclick = () => peers.show({ hidden: !peers.hidden });
addEventListener("pagehide", goodbye);
// Another network: the line and the ways to the others begin anew.
function elsewhere() {
  if (!peers || line.over) return;
  line.wireAfter = 0;
  line.hear();
  peers.restartAll();
}
addEventListener("online", elsewhere);
let net = navigator.connection?.type; // its other changes are mere estimates
navigator.connection?.addEventListener?.("change", () => {
  if (navigator.connection.type === net) return;
  net = navigator.connection.type;
  if (navigator.onLine) elsewhere();
});

prepare();
