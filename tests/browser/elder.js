// What a page measures for old eyes and fingers (MIIT 2021-67); answers what falls short, in words.
() => {
  const found = [];
  const seen = (node) => {
    const box = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    return box.width > 1 && box.height > 1 && style.visibility !== "hidden" && style.display !== "none";
  };
  const name = (node) => `${node.tagName.toLowerCase()}.${node.className} “${node.textContent.trim().slice(0, 12)}”`;
  const light = (colour) => {
    const parts = colour.match(/[\d.]+/g).map(Number);
    const [r, g, b] = parts.slice(0, 3).map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return { value: 0.2126 * r + 0.7152 * g + 0.0722 * b, solid: (parts[3] ?? 1) > 0.99 };
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = light(getComputedStyle(at).backgroundColor);
      if (colour.solid) return colour.value;
    }
    return 1;
  };
  const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const holders = new Set([...document.querySelectorAll("input:not([type=hidden]):not([type=radio]):not([type=checkbox]), textarea")]);
  while (texts.nextNode()) if (texts.currentNode.textContent.trim()) holders.add(texts.currentNode.parentElement);
  for (const node of holders) {
    if (!seen(node)) continue;
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    if (size < 18) found.push(`${name(node)}: ${size} px`);
    if (style.lineHeight !== "normal" && parseFloat(style.lineHeight) / size < 1.3) found.push(`${name(node)}: lines ${parseFloat(style.lineHeight) / size}`);
    const ratio = contrast(light(style.color).value, ground(node));
    if (ratio < 4.5) found.push(`${name(node)}: contrast ${ratio.toFixed(2)}`);
  }
  for (const node of document.querySelectorAll("svg.icon")) {
    if (!seen(node)) continue;
    const ratio = contrast(light(getComputedStyle(node).stroke).value, ground(node.parentElement));
    if (ratio < 4.5) found.push(`${name(node.parentElement)}: picture ${ratio.toFixed(2)}`);
  }

  const large = "main .weui-btn, .door, .row, .choice, .call, .tabs a, main input:not([type=hidden]), textarea";
  for (const node of document.querySelectorAll("a, button, input:not([type=hidden]), textarea, label.choice")) {
    const target = node.closest("label.choice") ?? node;
    if (!seen(target) || target.matches(".skip")) continue;
    const box = target.getBoundingClientRect();
    const least = target.matches(large) ? 60 : 44;
    if (box.width < least || box.height < least) found.push(`${name(target)}: ${Math.round(box.width)} × ${Math.round(box.height)}`);
  }
  for (const node of document.querySelectorAll(".state, .now, .error, .warning, .mistakes > p")) {
    if (!node.querySelector("svg") || !node.textContent.trim()) found.push(`${name(node)}: colour alone`);
  }
  if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
  if (document.documentElement.lang !== "zh-CN") found.push("no language");
  if (!document.querySelector("a[href^='tel:']")) found.push("nobody to phone");
  if (document.documentElement.scrollWidth > innerWidth) found.push(`${document.documentElement.scrollWidth} px wide`);
  return found;
}
