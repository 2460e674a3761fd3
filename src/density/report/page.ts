import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot } from '../../base/package.js';
import { significant } from '../figures/promises.js';
import { chartsOf, type Chart } from './charts.js';
import type { DensityReport } from './document.js';
import { summaryOf, tablesOf } from './rows.js';
import { kibibytes, milliseconds, perSecond, type ReportTable } from './table.js';

const assets = join(packageRoot, 'src', 'density', 'report', 'assets');
const find = createRequire(import.meta.url);

/** The report as one page for a browser: nothing is loaded from anywhere. */
export function pageOf(report: DensityReport): string {
  const charts = chartsOf(report);
  const library = readFileSync(find.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8');
  const libraryStyle = readFileSync(find.resolve('uplot/dist/uPlot.min.css'), 'utf8');
  const style = readFileSync(join(assets, 'page.css'), 'utf8');
  const script = readFileSync(join(assets, 'page.js'), 'utf8');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>Warren density: ${escaped(summaryOf(report))}</title>
<style>${libraryStyle}${style}</style>
</head>
<body>
<main>
${headOf(report)}
<h2>Figures</h2>
<div class="charts">${charts.map(figureOf).join('')}</div>
${tablesOf(report).map(sectionOf).join('')}
${manifestOf(report)}
<h2>Raw rows</h2>
<p><a class="button" id="download-json" download="density.json" href="#">Whole report (JSON)</a>
<a class="button" id="download-csv" download="launches.csv" href="#">Every launch (CSV)</a></p>
</main>
<script type="application/json" id="report">${embedded(report)}</script>
<script type="application/json" id="charts">${embedded(charts)}</script>
<script>${library}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** JSON that cannot end the element that it stands in. */
function embedded(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function headOf(report: DensityReport): string {
  const { host, startedAt, headline, failures, cautions, runs } = report;
  const tile = (value: string, name: string): string =>
    `<div class="tile"><b>${escaped(value)}</b><span>${escaped(name)}</span></div>`;
  const bytes = headline.bytesPerContainer.median;
  const items = (kind: string, list: readonly string[]): string =>
    list.length === 0
      ? ''
      : `<ul class="list ${kind}">${list.map((text) => `<li>${escaped(text)}</li>`).join('')}</ul>`;
  return `<h1>${escaped(headline.launched.median.toLocaleString('en-US'))} containers on one machine</h1>
<p class="dim">${escaped(`${startedAt}, Warren ${host.warren}, Linux ${host.kernel}, ${host.cpus} × ${host.cpuModel}, ${significant(host.memoryBytes / 2 ** 30)} GiB, ${runs.length === 1 ? 'one run' : `medians of ${runs.length} runs`}`)}</p>
${items('failed', failures)}${items('caution', cautions)}
<div class="tiles">
${tile(perSecond(headline.launchesPerSecond.median), 'launches')}
${tile(milliseconds(headline.launchP50Ms.median), 'one launch, median')}
${tile(bytes > 0 ? kibibytes(bytes) : 'hidden', 'memory of a container, all counted')}
${tile(milliseconds(headline.execP50Ms.median), 'a command inside, median')}
${tile(perSecond(headline.reclaimPerSecond.median), 'killed, reaped and removed')}
${tile(`${runs.reduce((sum, run) => sum + run.residue.length, 0)}`, 'objects left behind')}
</div>`;
}

function figureOf(chart: Chart): string {
  const { id, title, caption } = chart;
  const label = `${title}: ${chart.yLabel} against ${chart.xLabel}. The data is in the table below.`;
  return `<figure><h3>${escaped(title)}</h3><figcaption>${escaped(caption)}</figcaption>
<div id="${id}" role="img" aria-label="${escaped(label)}"></div>
<details><summary>Data of this diagram</summary><div class="scroll">${tableOf(dataOf(chart))}</div></details></figure>`;
}

const rowsShown = 60;

/** Lines only: clouds of points are in the raw rows. */
function dataOf({ series, xLabel, yLabel, xNames }: Chart): Pick<ReportTable, 'columns' | 'rows'> {
  const rows = series
    .filter(({ x }) => x.length <= rowsShown + 1)
    .flatMap(({ name, x, y }) =>
      x.map((at, index) => [name, xNames?.[at] ?? significant(at), significant(y[index] ?? 0)]),
    );
  return { columns: ['', xLabel, yLabel], rows };
}

function sectionOf(table: ReportTable): string {
  const note = table.note === undefined ? '' : `<p class="note">${escaped(table.note)}</p>`;
  return `<h2>${escaped(table.title)}</h2><div class="scroll">${tableOf(table)}</div>${note}`;
}

const classes: Readonly<Record<string, string>> = { met: 'met', 'not met': 'missed' };

function tableOf({ columns, rows }: Pick<ReportTable, 'columns' | 'rows'>): string {
  const head = columns.map((column) => `<th scope="col">${escaped(column)}</th>`).join('');
  const cell = (text: string): string => {
    const words = classes[text] ?? (/[a-z]{4}/.test(text) ? 'words' : '');
    return `<td${words === '' ? '' : ` class="${words}"`}>${escaped(text)}</td>`;
  };
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('');
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

function manifestOf({ container, host, scenario }: DensityReport): string {
  const block = (title: string, value: unknown): string =>
    `<details><summary>${title}</summary><pre>${escaped(JSON.stringify(value, null, 2))}</pre></details>`;
  return `<h2>Manifest</h2>${block('What a container was', container)}${block('The host', host)}${block('The scenario', scenario)}`;
}
