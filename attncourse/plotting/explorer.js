// One explorer. It stands in `root`, beside its data as JSON and a picture for pages that run no
// script, which it replaces. It names nothing by id and leaves nothing global: a page may hold
// many, and a cell may be run again.
(root => {
  if (root.querySelector(".live")) return;
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const FAINTEST = 0.01;
  const SVG = "http://www.w3.org/2000/svg";

  const make = (name, attributes = {}, ...children) => {
    const svg = ["svg", "g", "line", "rect", "text"].includes(name);
    const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  // Integers from 0 to 255 in base64, as the numbers that they stand for.
  const unpack = ({bytes, low, high}) => Float64Array.from(
    atob(bytes), letter => low + letter.charCodeAt(0) * (high - low) / 255);
  const clamp = (number, size) => Math.max(0, Math.min(size - 1, number));
  const share = number => number.toFixed(2);
  const turn = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};

  const steps = data.steps ?? [""], heads = data.heads ?? [""];
  const now = {step: steps.length - 1, head: 0};
  const frame = () => now.step * heads.length + now.head;
  // The numbers of the chosen step and head; what has fewer frames is the same in several.
  const current = (values, count) => {
    const frames = values.length / count;
    const at = frames === 1 ? 0 : frames === steps.length ? now.step : frame();
    return values.subarray(at * count, (at + 1) * count);
  };
  const said = make("output", {"aria-live": "polite"});
  const say = text => { said.textContent = text; };

  // Where the pointer is, or an arrow key leads, on a thing of so many rows and columns.
  const explore = (element, rows, columns, {choose, at}) => {
    const point = event => {
      const box = event.currentTarget.getBoundingClientRect();
      choose(clamp(Math.floor((event.clientY - box.top) / box.height * rows), rows),
             clamp(Math.floor((event.clientX - box.left) / box.width * columns), columns));
    };
    element.panels.forEach(panel => {
      panel.addEventListener("pointermove", point);
      panel.addEventListener("pointerdown", point);
    });
    element.addEventListener("keydown", event => {
      if (!(event.key in turn)) return;
      event.preventDefault();
      const [down, right] = turn[event.key], [row, column] = at();
      choose(clamp(row + down, rows), clamp(column + right, columns));
    });
  };

  // Small canvases side by side that show the same places, and a frame around the chosen one.
  const board = (titles, rows, columns, on) => {
    const canvases = titles.map(() => make("canvas", {"aria-hidden": "true"}));
    const frames = titles.map(() => make("span", {class: "frame"}));
    const panels = canvases.map((canvas, i) => make("div", {class: "panel"}, canvas, frames[i]));
    const element = make(
      "div", {class: "board", tabindex: 0, role: "group", "aria-label": `${rows} by ${columns} ` +
      "places; arrow keys move"},
      ...panels.map((panel, i) => make("figure", {}, panel, make("figcaption", {}, titles[i]))));
    element.panels = panels;
    explore(element, rows, columns, on);
    const paint = (i, height, width, colour) => {
      const canvas = canvases[i];
      [canvas.width, canvas.height] = [width, height];
      const pixels = new ImageData(width, height);
      for (let k = 0; k < height * width; k++) {
        pixels.data.set([...colour(Math.floor(k / width), k % width), 255], 4 * k);
      }
      canvas.getContext("2d").putImageData(pixels, 0, 0);
    };
    const mark = (row, column) => frames.forEach(each => {
      each.style.cssText = `top: ${100 * row / rows}%; left: ${100 * column / columns}%; ` +
        `height: ${100 / rows}%; width: ${100 / columns}%`;
    });
    return {element, paint, mark};
  };

  const mix = (one, other, part) => one.map((each, i) => each + part * (other[i] - each));
  const BLUES = [[255, 255, 255], [149, 204, 239], [67, 149, 206], [0, 93, 159], [6, 45, 82]];
  const blue = part => {
    const place = Math.max(0, Math.min(3.999, 4 * part)), at = Math.floor(place);
    return mix(BLUES[at], BLUES[at + 1], place - at);
  };
  const GOLD = [255, 196, 0];

  // Symbols that look, below, at symbols above.
  const words = () => {
    const {source, target, above, below, width, row, gap} = data;
    const weights = unpack(data.weights), count = source.length * target.length;
    const hint = "The row below looks at the row above. Point at a symbol to read its weights.";
    const lines = make("g"), height = 2 * row + gap;
    const tokens = [];
    let chosen = null;
    const svg = make("svg", {width, height, viewBox: `0 0 ${width} ${height}`}, lines);
    const draw = () => {
      const matrix = current(weights, count), peak = Math.max(...matrix), met = [];
      lines.replaceChildren();
      tokens.forEach(token => { token.rect.style.fillOpacity = 0; });
      for (let t = 0; t < target.length; t++) for (let s = 0; s < source.length; s++) {
        const weight = matrix[t * source.length + s];
        if (weight < FAINTEST) continue;
        const own = chosen && (chosen.side === "target" ? chosen.at === t : chosen.at === s);
        if (chosen && !own) continue;
        lines.append(make("line", {
          x1: below[t], y1: row + gap, x2: above[s], y2: row, opacity: (weight / peak).toFixed(2),
          ...(own ? {class: "met"} : {})}));
        if (own) met.push([weight, chosen.side === "target" ? s : t]);
      }
      if (!chosen) return say(hint);
      const [ends, verb] = chosen.side === "target"
        ? [source, "looks at"] : [target, "is looked at by"];
      met.forEach(([weight, end]) => {
        const other = tokens.find(each => each.side !== chosen.side && each.at === end);
        other.rect.style.fillOpacity = 0.6 * weight / peak;
      });
      const list = met.sort((a, b) => b[0] - a[0]).slice(0, 5)
        .map(([weight, end]) => `${ends[end]} ${share(weight)}`).join(" · ");
      say(`${chosen.symbol}  ${verb}  ${list}`);
    };
    const focused = () => tokens.find(each => each.element === document.activeElement) ?? null;
    const choose = token => { chosen = token; draw(); };
    [[source, above, "source", row / 2], [target, below, "target", height - row / 2]].forEach(
      ([symbols, places, side, y]) => symbols.forEach((symbol, at) => {
        const size = data[`${side}_widths`][at];
        const rect = make("rect", {x: places[at] - size / 2, y: y - 11, width: size, height: 22,
                                   rx: 4});
        const element = make(
          "g", {role: "img", "aria-label": `${side} ${at + 1}: ${symbol}`, tabindex: -1}, rect,
          make("text", {x: places[at], y}, symbol));
        const token = {symbol, side, at, rect, element};
        tokens.push(token);
        svg.append(element);
        element.addEventListener("pointerenter", () => choose(token));
        element.addEventListener("pointerdown", () => choose(token));
        element.addEventListener("pointerleave", event => {
          if (event.pointerType === "mouse") choose(focused());
        });
        element.addEventListener("focus", () => {
          tokens.forEach(each => each.element.setAttribute("tabindex", each === token ? 0 : -1));
          choose(token);
        });
        element.addEventListener("blur", () => choose(null));
        element.addEventListener("keydown", event => {
          if (!(event.key in turn)) return;
          event.preventDefault();
          const [down, right] = turn[event.key];
          const others = tokens.filter(each => (each.side === side) === !down);
          const next = down ? others[clamp(at, others.length)] : others[at + right];
          if (next && (!down || (down > 0) === (side === "source"))) next.element.focus();
        });
      }));
    tokens[source.length].element.setAttribute("tabindex", 0);
    return {element: make("div", {class: "scroll"}, svg), draw};
  };

  // Places of a map over an image: each has a weight for all.
  const pixels = () => {
    const {height, width, channels} = data.image, [rows, columns] = data.size;
    const image = unpack(data.image), places = rows * columns;
    const full = data.weights && unpack(data.weights);
    const sides = data.sides && data.sides.map(unpack);
    const hint = "Point at a place; gold is where it looks. ";
    let chosen = [...data.at];
    // The weights of the chosen place for all places.
    const row = () => {
      const [r, c] = chosen;
      if (full) {
        return current(full, places * places).subarray((r * columns + c) * places).slice(0, places);
      }
      const [down, across] = [current(sides[0], rows * rows), current(sides[1], columns * columns)];
      return Float64Array.from({length: places}, (_, k) =>
        down[r * rows + Math.floor(k / columns)] / columns +
        across[c * columns + k % columns] / rows);
    };
    const draw = () => {
      const weights = row(), peak = Math.max(...weights) || 1;
      const shown = current(image, channels * height * width);
      stage.paint(0, height, width, (y, x) => {
        const light = [0, 1, 2].map(
          part => 255 * shown[((part % channels) * height + y) * width + x]);
        const [r, c] = [Math.floor(y * rows / height), Math.floor(x * columns / width)];
        return mix(mix(light, [0, 0, 0], 0.4), GOLD, 0.85 * weights[r * columns + c] / peak);
      });
      stage.mark(...chosen);
      const list = [...weights.keys()].sort((a, b) => weights[b] - weights[a]).slice(0, 3)
        .map(k => `${weights[k].toPrecision(2)} at row ${Math.floor(k / columns)}, ` +
                  `column ${k % columns}`);
      say(`${hint}Row ${chosen[0]}, column ${chosen[1]} looks:  ${list.join(" · ")}`);
    };
    const stage = board([""], rows, columns, {
      choose: (r, c) => { chosen = [r, c]; draw(); }, at: () => chosen});
    stage.element.classList.add("wide");
    return {element: stage.element, draw};
  };

  // Maps before and behind their gates, channel by channel; an image is seen as an image.
  const gates = () => {
    const [count, height, width] = data.shape, [of, rows, columns] = data.gates_shape;
    const maps = unpack(data.maps), opened = unpack(data.gates), top = data.maps.high || 1;
    const titles = rows * columns > 1 ? ["before", "gate", "behind"] : ["before", "behind"];
    let [channel, ...at] = data.at;
    const gate = (open, c, y, x) => open[
      ((of === 1 ? 0 : c) * rows + Math.floor(y * rows / height)) * columns +
      Math.floor(x * columns / width)];
    const value = (shown, c, y, x) => shown[((c % data.channels) * height + y) * width + x];
    const mean = (open, c) => {
      const own = open.subarray(c * rows * columns, (c + 1) * rows * columns);
      return own.reduce((sum, number) => sum + number, 0) / own.length;
    };
    const seen = {
      map: (shown, y, x, factor) => blue(factor(channel) * value(shown, channel, y, x) / top),
      image: (shown, y, x, factor) => [0, 1, 2].map(
        c => 255 * factor(data.channels === 1 ? channel : c) * value(shown, c, y, x)),
    }[data.seen];
    const bars = Array.from({length: of}, () => make("i"));
    const strip = make(
      "div", {class: "strip", role: "slider", tabindex: 0, "aria-label": "channel",
              "aria-valuemin": 0, "aria-valuemax": of - 1}, ...bars);
    strip.panels = [strip];
    const draw = () => {
      const open = current(opened, of * rows * columns);
      const shown = current(maps, data.channels * height * width);
      bars.forEach((bar, c) => {
        bar.style.setProperty("--open", mean(open, c));
        bar.classList.toggle("chosen", c === channel);
      });
      const paint = {
        before: (y, x) => seen(shown, y, x, () => 1),
        gate: (y, x) => blue(gate(open, channel, y, x)),
        behind: (y, x) => seen(shown, y, x, c => gate(open, c, y, x)),
      };
      titles.forEach((title, i) => stage.paint(i, height, width, paint[title]));
      stage.mark(...at);
      const name = data.names ? data.names[channel] : `channel ${channel}`;
      const before = value(shown, channel, ...at), through = gate(open, channel, ...at);
      strip.setAttribute("aria-valuenow", channel);
      strip.setAttribute("aria-valuetext", `${name}, gate ${share(mean(open, channel))}`);
      say(`${of > 1 ? `${name}, ` : ""}row ${at[0]}, column ${at[1]}:  ${share(before)} × gate ` +
          `${share(through)} = ${share(before * through)}`);
    };
    const stage = board(titles, height, width, {
      choose: (y, x) => { at = [y, x]; draw(); }, at: () => at});
    explore(strip, 1, of, {
      choose: (_, c) => { channel = c; draw(); }, at: () => [0, channel]});
    const caption = make("small", {}, "a bar for each channel's gate; point at one");
    const parts = of > 1 ? [strip, caption, stage.element] : [stage.element];
    return {element: make("div", {}, ...parts), draw};
  };

  const view = {words, pixels, gates}[data.kind]();
  const buttons = heads.map((name, i) => {
    const button = make("button", {type: "button", style: `--colour: ${data.colours[i]}`}, name);
    button.addEventListener("click", () => { now.head = i; draw(); });
    return button;
  });
  const slider = make("input", {type: "range", min: 0, max: steps.length - 1, value: now.step});
  const step = make("span");
  slider.addEventListener("input", () => { now.step = Number(slider.value); draw(); });
  const draw = () => {
    buttons.forEach((each, i) => each.setAttribute("aria-pressed", i === now.head));
    live.style.setProperty("--head", data.colours[now.head]);
    slider.setAttribute("aria-valuetext", steps[now.step]);
    step.textContent = steps[now.step];
    view.draw();
  };
  // JupyterLab would take the arrow keys for itself and move to another cell.
  const live = make(
    "div", {class: "live", role: "group", "aria-label": data.alt,
            "data-lm-suppress-shortcuts": "true"},
    ...(heads.length > 1 ? [make("div", {class: "heads"}, ...buttons)] : []),
    ...(steps.length > 1 ? [make("label", {class: "steps"}, slider, step)] : []),
    view.element, said);
  draw();
  root.querySelector("img").hidden = true;
  root.append(live);
})(document.currentScript.parentElement);
