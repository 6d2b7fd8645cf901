// How it stands on a page of a call, for whoever has to find out why nobody is seen.
async () => ({
  said: document.getElementById("status").textContent,
  line: [line.over, line.turn, line.since, line.waiting.length],
  there,
  own: stream.getTracks().map((one) => [one.kind, one.muted, one.readyState]),
  peers: await Promise.all([...(peers?.all.values() ?? [])].map(async (one) => ({
    id: one.id,
    calls: one.calls,
    link: [one.link.connectionState, one.link.iceConnectionState, one.link.signalingState],
    comes: [...(await one.link.getStats()).values()]
      .filter((each) => each.type === "inbound-rtp")
      .map((each) => [each.kind, each.packetsReceived, each.framesDecoded, each.keyFramesDecoded, each.pliCount]),
  }))),
  shown: [...document.querySelectorAll("#others video")].map((one) => [
    one.closest(".other").className, one.paused, one.videoWidth, one.getVideoPlaybackQuality().totalVideoFrames,
  ]),
})
