/* What a reader has of a page: asked of its window. */
function measured(frame, page) {
  const round = (number) => Math.round(number * 100) / 100;
  const texts = [];
  const walker = page.createTreeWalker(page.body, frame.NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || !parent.getClientRects().length) continue;
    const matrix = parent.ownerSVGElement ? parent.getScreenCTM() : null;
    const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
    texts.push([round(parseFloat(frame.getComputedStyle(parent).fontSize) * scale), node.data.trim().slice(0, 40)]);
  }
  const wide = [...page.querySelectorAll("main *")]
    .filter((one) => !one.closest("svg") && one.getBoundingClientRect().right > frame.innerWidth + 0.5)
    .map((one) => one.outerHTML.slice(0, 80));
  const first = page.querySelector(".headlines li");
  return {
    innerWidth: frame.innerWidth,
    scrollWidth: page.documentElement.scrollWidth,
    smallest: texts.sort((one, other) => one[0] - other[0])[0],
    wide: wide.slice(0, 5),
    pictures: [...page.querySelectorAll("svg, img")].map((one) => {
      const box = one.getBoundingClientRect();
      return [round(box.width), round(box.height)];
    }),
    headline: first ? [first.querySelector(".sentence").textContent, round(first.getBoundingClientRect().bottom)] : null,
    verdict: page.querySelector(".verdict").textContent,
    colour: frame.getComputedStyle(page.querySelector(".verdict")).borderTopColor,
  };
}
