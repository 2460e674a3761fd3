/* Runs in the report's page. Draws the charts from the data that the page carries, again when the colours change. */
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const charts = read('charts');
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawn = [];

  /** Three digits, with a unit's prefix left to the axis. */
  const short = (value) =>
    value === null || value === undefined
      ? ''
      : Math.abs(value) >= 100
        ? Math.round(value).toLocaleString('en-US')
        : `${Number(value.toPrecision(3))}`;

  /** Powers of ten and nothing between on a logarithmic axis. */
  const powers = (values) =>
    values.map((value) => (Math.abs(Math.log10(value) % 1) < 1e-6 ? short(value) : ''));

  const axis = (label, log, names) => ({
    label,
    stroke: colour('--dim'),
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
    labelSize: 22,
    size: names ? 34 : 58,
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    values: (_, values) =>
      names
        ? values.map((value) => names[value] ?? short(value))
        : log
          ? powers(values)
          : values.map(short),
  });

  const seriesOf = ({ name, dots }, index) => {
    const stroke = colour(`--c${index % 6}`);
    return {
      label: name,
      stroke,
      width: dots ? 0 : 2,
      spanGaps: true,
      paths: dots ? () => null : undefined,
      points: { show: true, size: dots ? 2.5 : 5, fill: stroke, stroke },
      value: (_, value) => short(value),
    };
  };

  const draw = (chart) => {
    const place = document.getElementById(chart.id);
    place.replaceChildren();
    const tables = chart.series.map(({ x, y }) => [x, y]);
    const data = tables.length > 1 ? uPlot.join(tables) : tables[0];
    const options = {
      width: Math.max(280, place.clientWidth),
      height: 300,
      scales: {
        x: { time: false, distr: chart.logX ? 3 : 1 },
        y: {
          distr: chart.logY ? 3 : 1,
          ...(chart.logY
            ? {}
            : { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.06 : 1] }),
        },
      },
      axes: [
        { ...axis(chart.xLabel, chart.logX, chart.xNames ?? {}), size: 40 },
        axis(chart.yLabel, chart.logY),
      ],
      series: [
        { label: chart.xLabel, value: (_, value) => chart.xNames?.[value] ?? short(value) },
        ...chart.series.map(seriesOf),
      ],
    };
    if (chart.xNames) options.axes[0].splits = () => Object.keys(chart.xNames).map(Number);
    return new uPlot(options, data, place);
  };

  const drawAll = () => {
    for (const plot of drawn.splice(0)) plot.destroy();
    for (const chart of charts) drawn.push(draw(chart));
    document.documentElement.dataset.drawn = `${drawn.length}`;
  };

  const offer = (id, text, type) => {
    document.getElementById(id).href = URL.createObjectURL(new Blob([text], { type }));
  };

  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  let width = innerWidth;
  addEventListener('resize', () => {
    if (innerWidth !== width) drawAll();
    width = innerWidth;
  });
  const report = read('report');
  const rows = report.runs.flatMap(({ ramp }, run) =>
    ramp.series.map((ms, k) => `${run + 1},${k + 1},${ms}`),
  );
  offer('download-json', JSON.stringify(report), 'application/json');
  offer('download-csv', `run,k,ms\n${rows.join('\n')}\n`, 'text/csv');
})();
