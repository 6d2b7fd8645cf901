// What the room sounds like (WebAudio, no files): a ring while the other waits, a chime when they come; and how loud
// one is oneself.
"use strict";

const Sound = {
  context: null,
  ringing: null,

  open() {
    this.context ??= new (window.AudioContext ?? window.webkitAudioContext)();
    if (this.context.state === "suspended") this.context.resume().catch(() => {});
    return this.context;
  },

  tone(hertz, from, seconds) {
    const context = this.open();
    const voice = context.createOscillator();
    const loud = context.createGain();
    const at = context.currentTime + from;
    voice.frequency.value = hertz;
    loud.gain.setValueAtTime(0, at);
    loud.gain.linearRampToValueAtTime(0.25, at + 0.03);
    loud.gain.setValueAtTime(0.25, at + seconds - 0.05);
    loud.gain.linearRampToValueAtTime(0, at + seconds);
    voice.connect(loud).connect(context.destination);
    voice.start(at);
    voice.stop(at + seconds);
  },

  // Three times two tones, a pause, and again: old ears hear below 2,000 Hz best.
  ring() {
    if (this.ringing) return;
    const once = () => {
      for (let n = 0; n < 3; n += 1) {
        this.tone(660, n * 0.5, 0.22);
        this.tone(880, n * 0.5 + 0.24, 0.22);
      }
      navigator.vibrate?.([300, 150, 300]);
    };
    once();
    this.ringing = setInterval(once, 3500);
  },

  hush() {
    clearInterval(this.ringing);
    this.ringing = null;
  },

  chime() {
    this.tone(784, 0, 0.18);
    this.tone(1047, 0.2, 0.3);
  },

  // Tells how loud a stream is, 0 to 100, until the function that it answers is called.
  measure(stream, tell) {
    if (!stream.getAudioTracks().length) return () => {};
    const ear = this.open().createAnalyser();
    ear.fftSize = 512;
    const source = this.context.createMediaStreamSource(stream);
    source.connect(ear);
    const wave = new Uint8Array(ear.fftSize);
    const timer = setInterval(() => {
      ear.getByteTimeDomainData(wave);
      const most = wave.reduce((peak, one) => Math.max(peak, Math.abs(one - 128)), 0);
      tell(Math.min(100, Math.round(most * 1.6)));
    }, 100);
    return () => {
      clearInterval(timer);
      source.disconnect();
    };
  },
};
