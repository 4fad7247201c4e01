"use strict";
// Without this script everything is there to read; with it, values come up
// under the pointer, lines can be hidden, and axes and batch sizes chosen.
(() => {
  const all = (what, where = document) => [...where.querySelectorAll(what)];
  const root = document.documentElement;
  const tip = document.getElementById("tip");

  // Colours.
  const themes = document.querySelector(".themes");
  themes.hidden = false;
  themes.addEventListener("click", ({ target }) => {
    const theme = target.dataset.themeName;
    if (!theme) return;
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const button of all("button", themes)) {
      button.setAttribute("aria-pressed", button === target);
    }
  });

  // Values under the pointer and the focus.
  const SVG = document.querySelector("svg")?.namespaceURI ?? null;
  const halo = document.createElementNS(SVG, "circle");
  halo.setAttribute("class", "halo");
  halo.setAttribute("r", "75");
  const NEAR = 22;

  const place = (point) => point.dataset.at.split(",").map(Number);
  const seriesOf = (point) => point.closest("[data-series]").dataset.series;
  const isShown = (point) => !point.closest(".off, .out");
  const where = ({ batch, cores, x }) =>
    batch ? `batch ${batch}` : cores ? `${cores} cores` : `at ${x}`;
  const lines = (point) => {
    const unit = point.closest("figure").dataset.unit;
    const { value, low, high } = point.dataset;
    const said = [`${where(point.dataset)}: ${value} ${unit}`.trim()];
    if (low) said.push(`interval ${low} to ${high}`);
    return said;
  };
  // From units of the drawing to pixels of the window.
  const onScreen = (svg, [x, y]) => {
    const at = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
    return [at.x, at.y];
  };
  const show = (point) => {
    const svg = point.ownerSVGElement;
    const [x, y] = place(point);
    halo.setAttribute("cx", x);
    halo.setAttribute("cy", y);
    svg.append(halo);
    const name = document.createElement("b");
    name.textContent = seriesOf(point);
    const rest = lines(point).map((line) => {
      const span = document.createElement("span");
      span.textContent = line;
      return span;
    });
    tip.replaceChildren(name, ...rest);
    tip.hidden = false;
    const [left, top] = onScreen(svg, [x, y]);
    const { width, height } = tip.getBoundingClientRect();
    const most = root.clientWidth - width - 8;
    tip.style.left = `${Math.max(8, Math.min(left - width / 2, most))}px`;
    const above = top - height - 14;
    tip.style.top = `${above < 8 ? top + 14 : above}px`;
  };
  const hide = () => {
    tip.hidden = true;
    halo.remove();
  };
  const nearest = (svg, x, y) => {
    let best = null;
    let least = NEAR * NEAR;
    const matrix = svg.getScreenCTM();
    for (const point of all(".point", svg)) {
      if (!isShown(point)) continue;
      const at = new DOMPoint(...place(point)).matrixTransform(matrix);
      const distance = (at.x - x) ** 2 + (at.y - y) ** 2;
      if (distance < least) [best, least] = [point, distance];
    }
    return best;
  };

  // Lines that come and go, with those of the same name in the same section.
  const toggle = (name) => {
    const scope = name.closest("section.axis") ?? name.closest("figure");
    const { series } = name.dataset;
    const same = all("[data-series]", scope)
      .filter((part) => part.dataset.series === series);
    const off = !name.classList.contains("off");
    for (const part of same) {
      part.classList.toggle("off", off);
      if (part.matches(".name")) part.setAttribute("aria-pressed", !off);
    }
    hide();
  };

  const names = (svg) => all(".name", svg);
  const pointsOf = (svg, series) => all(".line", svg)
    .filter((line) => line.dataset.series === series)
    .flatMap((line) => all(".point", line))
    .filter(isShown);
  // One stop for the tab key in each chart; arrow keys go on from there.
  const focusName = (svg, name) => {
    for (const other of names(svg)) other.tabIndex = other === name ? 0 : -1;
    name.focus();
  };
  const step = (list, now, by) =>
    list[(list.indexOf(now) + by + list.length) % list.length];

  const keyOnName = (event, svg, name) => {
    const { key } = event;
    if (key === "Enter" || key === " ") toggle(name);
    else if (key === "ArrowDown") focusName(svg, step(names(svg), name, 1));
    else if (key === "ArrowUp") focusName(svg, step(names(svg), name, -1));
    else if (key === "ArrowLeft" || key === "ArrowRight") {
      pointsOf(svg, name.dataset.series).at(0)?.focus();
    } else return;
    event.preventDefault();
  };
  const keyOnPoint = (event, svg, point) => {
    const series = seriesOf(point);
    const own = names(svg).find((name) => name.dataset.series === series);
    const beside = (by) => {
      const visible = names(svg).filter((n) => !n.classList.contains("off"));
      const name = step(visible, own, by);
      const points = pointsOf(svg, name.dataset.series);
      const same = points.find((p) => where(p.dataset) === where(point.dataset));
      return same ?? points[0];
    };
    const go = {
      ArrowRight: () => step(pointsOf(svg, series), point, 1),
      ArrowLeft: () => step(pointsOf(svg, series), point, -1),
      ArrowDown: () => beside(1),
      ArrowUp: () => beside(-1),
      Escape: () => own,
    }[event.key];
    if (!go) return;
    event.preventDefault();
    const to = go();
    if (to === own) focusName(svg, own);
    else to?.focus();
  };

  // All of a name can be clicked, not its strokes alone. Every place is asked
  // for before anything changes.
  const areas = all("figure .name").map((name) => {
    const box = name.querySelector("text")?.getBBox();
    return [name, box, name.querySelector("polyline") ? 430 : 30];
  });
  for (const [name, box, before] of areas) {
    if (!box) continue;
    const area = document.createElementNS(SVG, "rect");
    area.setAttribute("x", box.x - before);
    area.setAttribute("y", box.y);
    area.setAttribute("width", box.width + before + 30);
    area.setAttribute("height", box.height);
    area.setAttribute("fill", "transparent");
    name.prepend(area);
  }

  for (const svg of all("figure svg")) {
    if (!svg.querySelector(".point")) continue;
    svg.setAttribute("role", "group");
    names(svg).forEach((name, number) => {
      name.setAttribute("role", "button");
      name.setAttribute("aria-pressed", "true");
      name.setAttribute("aria-label", name.dataset.series);
      name.tabIndex = number ? -1 : 0;
    });
    for (const point of all(".point", svg)) {
      point.tabIndex = -1;
      point.setAttribute("role", "img");
      const label = [seriesOf(point), ...lines(point)].join(", ");
      point.setAttribute("aria-label", label);
    }
    svg.addEventListener("pointermove", ({ clientX, clientY }) => {
      const point = nearest(svg, clientX, clientY);
      if (point) show(point);
      else hide();
    });
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("click", ({ target, clientX, clientY }) => {
      const part = target.closest(".name, .line");
      if (part && (part.matches(".name") || !nearest(svg, clientX, clientY))) {
        toggle(part.matches(".name") ? part : names(svg)
          .find((name) => name.dataset.series === part.dataset.series) ?? part);
      }
    });
    svg.addEventListener("focusin", ({ target }) => {
      const point = target.closest(".point");
      if (point) show(point);
      else hide();
    });
    svg.addEventListener("focusout", hide);
    svg.addEventListener("keydown", (event) => {
      const point = event.target.closest(".point");
      const name = event.target.closest(".name");
      if (point) keyOnPoint(event, svg, point);
      else if (name) keyOnName(event, svg, name);
    });
  }
  // What has the focus keeps its values beside it.
  document.addEventListener("scroll", () => {
    const point = document.activeElement.closest(".point");
    if (point) show(point);
    else hide();
  }, { passive: true, capture: true });
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") hide();
  });

  // What is shown.
  const tools = document.getElementById("tools");
  if (tools) {
    const boxes = (name) => all(`input[name="${name}"]`, tools);
    const apply = () => {
      const chosen = (name) => new Set(
        boxes(name).filter((box) => box.checked).map((box) => box.value));
      const [axes, batches] = [chosen("axis"), chosen("batch")];
      for (const part of all("[data-axis]")) {
        part.classList.toggle("out", !axes.has(part.dataset.axis));
      }
      for (const part of all(".axis [data-batch]")) {
        part.classList.toggle("out", !batches.has(part.dataset.batch));
      }
      const say = (set, name, word) => set.size === boxes(name).length
        ? [] : [`${set.size} of ${boxes(name).length} ${word}`];
      document.getElementById("chosen").textContent = [
        ...say(axes, "axis", "axes"),
        ...say(batches, "batch", "batch sizes"),
      ].join(", ");
    };
    tools.hidden = false;
    tools.addEventListener("submit", (event) => event.preventDefault());
    tools.addEventListener("change", apply);
    tools.addEventListener("click", ({ target }) => {
      const { all: which } = target.dataset;
      if (!which) return;
      for (const box of boxes("axis")) box.checked = which === "on";
      if (which === "on") for (const box of boxes("batch")) box.checked = true;
      apply();
    });
    // What a browser remembers of an earlier look.
    apply();
  }

  // On paper everything is open but code, which stays as its reader left it.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open]):not(.code)");
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });
})();
