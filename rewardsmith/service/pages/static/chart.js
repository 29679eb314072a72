// Draws what stands in data-chart: the best so far over the steps of the search, and draws it anew when that changes.
(() => {
  const HIGH = 300, WORD = 12;
  const drawn = new WeakMap();
  const counted = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const shortened = value => counted.format(value).replace("K", "k");
  const said = value => (value == null ? "" : Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3));

  const colour = (place, name, alpha = 1) => {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    place.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return alpha === 1 ? found : found.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
  };

  const options = (place, told) => {
    const ink = name => colour(place, name);
    const axis = { stroke: ink("quiet"), grid: { stroke: ink("rule"), width: 1 }, ticks: { stroke: ink("rule") }, font: `${WORD}px system-ui, sans-serif` };
    const line = more => ({ value: (_, found) => said(found), points: { show: false }, ...more });
    const stepped = uPlot.paths.stepped({ align: 1 });
    const dots = (label, fill) => line({
      label, stroke: ink("other"), paths: () => null,
      points: { show: true, size: 7, width: 1.5, stroke: ink(fill ? "winner" : "other"), fill: fill ? ink("winner") : ink("page") },
    });
    const levels = told.levels.map(each => line({
      label: each.name, stroke: ink(each.name === "confirmed" ? "winner" : each.name), width: 1.5,
      dash: each.name === "confirmed" ? [] : [5, 4],
    }));
    return {
      width: place.clientWidth, height: HIGH,
      cursor: { y: false, points: { size: 9 } },
      scales: { x: { time: false } },
      axes: [
        { ...axis, label: "environment steps of the search, scoring included", labelSize: 22, labelFont: axis.font, values: (_, found) => found.map(shortened) },
        { ...axis, label: told.unit, labelSize: 22, labelFont: axis.font, size: 58 },
      ],
      series: [
        { label: "steps", value: (_, found) => (found == null ? "" : shortened(found)) },
        line({ label: "low", paths: stepped }), line({ label: "high", paths: stepped }),
        line({ label: "best so far", stroke: ink("ink"), width: 2.2, paths: stepped }),
        dots("candidate", true), dots("stopped early", false), ...levels,
      ],
      bands: [{ series: [2, 1], fill: colour(place, "winner", 0.16) }],
      hooks: { ready: [plot => follow(plot, place)], setCursor: [rest], setData: [rest] },
    };
  };

  // where no pointer is, the legend says how the run stands
  const rest = plot => {
    if (plot.cursor.idx == null) plot.setLegend({ idx: plot.data[0].length - 1 }, false);
  };

  const follow = (plot, place) => {
    rest(plot);
    const name = () => JSON.parse(place.dataset.chart).names[plot.cursor.idx];
    plot.over.addEventListener("mousemove", () => { plot.over.style.cursor = name() ? "pointer" : ""; });
    plot.over.addEventListener("click", () => { if (name()) location.href = JSON.parse(place.dataset.chart).place + name(); });
  };

  const columns = told => [
    told.x, told.low, told.high, told.best, told.candidates, told.stopped,
    ...told.levels.map(each => told.x.map(() => each.mean)),
  ];

  const draw = (place, anew) => {
    const text = place.dataset.chart, before = drawn.get(place);
    if (before && before.text === text && !anew) return;
    const told = JSON.parse(text), same = before && JSON.parse(before.text).levels.length === told.levels.length;
    if (same && !anew) {
      before.plot.setData(columns(told));
      before.text = text;
      return;
    }
    before?.plot.destroy();
    drawn.set(place, { text, plot: new uPlot(options(place, told), columns(told), place) });
  };

  const all = anew => document.querySelectorAll("[data-chart]").forEach(place => draw(place, anew));
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; all(true); } });
  document.addEventListener("themed", () => all(true));
  document.addEventListener("htmx:after:swap", () => all(false));
  all(false);
})();
