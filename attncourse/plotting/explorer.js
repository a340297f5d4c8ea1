(view => {
  const all = selector => [...view.querySelectorAll(selector)];
  const heads = all("[data-head]"), buttons = all("button"), said = view.querySelector("output");
  const hint = said.textContent;
  let head = heads[0], chosen = null;

  const choose = token => {
    chosen = token;
    view.querySelector("svg").classList.toggle("chosen", token !== null);
    all(".met").forEach(line => line.classList.remove("met"));
    all("rect").forEach(rect => rect.style.fillOpacity = 0);
    said.textContent = hint;
    if (token === null) return;
    const {side, at} = token.dataset, other = side === "target" ? "source" : "target";
    const met = [...head.querySelectorAll(`[data-${side}="${at}"]`)];
    const ends = met.map(line => {
      line.classList.add("met");
      const end = view.querySelector(`[data-side=${other}][data-at="${line.dataset[other]}"]`);
      end.querySelector("rect").style.fillOpacity = 0.6 * line.getAttribute("opacity");
      return [Number(line.dataset.weight), end.textContent];
    }).sort((a, b) => b[0] - a[0]).slice(0, 5);
    const list = ends.map(([weight, text]) => `${text} ${weight.toFixed(2)}`).join(" · ");
    const verb = side === "target" ? "looks at" : "is looked at by";
    said.textContent = `${token.textContent}  ${verb}  ${list}`;
  };

  buttons.forEach((button, i) => button.onclick = () => {
    head = heads[i];
    heads.forEach(each => each.setAttribute("display", each === head ? "inline" : "none"));
    buttons.forEach(each => each.setAttribute("aria-pressed", each === button));
    view.style.setProperty("--head", button.style.getPropertyValue("--colour"));
    choose(chosen);
  });
  all("[data-side]").forEach((token, i, tokens) => {
    token.onmouseenter = token.onfocus = () => choose(token);
    token.onmouseleave = token.onblur = () => choose(null);
    token.onkeydown = event => {
      const next = tokens[i + ({ArrowRight: 1, ArrowLeft: -1}[event.key] ?? NaN)];
      if (next) { event.preventDefault(); event.stopPropagation(); next.focus(); }
    };
  });
})(document.currentScript.parentElement);
