/** As docker's tables: at least 10 columns for a cell with its gap of 3; the last cell is not padded. */
const minimumWidth = 10;
const gap = 3;

const plainText = /^[ -~]*$/;

/** Terminal columns of a text: sequences that only set colours take none. */
function width(text: string): number {
  if (plainText.test(text)) return text.length;
  return [...text.replace(/\u001b\[[0-9;]*m/g, '')].length;
}

/** Characters that would move the cursor or end the line become a space: rows hold text of containers. */
function oneLine(text: string): string {
  return plainText.test(text) ? text : text.replace(/[\n\r\t]/g, ' ');
}

/** Lines of a table whose columns are aligned to the left; `rows` includes the headings. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(oneLine));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [index, cell] of row.slice(0, -1).entries()) {
      widths[index] = Math.max(widths[index] ?? minimumWidth, width(cell) + gap);
    }
  }
  return cells.map((row) =>
    row
      .map((cell, index) => {
        const isLast = index === row.length - 1;
        return isLast ? cell : cell + ' '.repeat((widths[index] ?? 0) - width(cell));
      })
      .join(''),
  );
}

/** As {@link tableLines}, numbers to the right: behind the first `names` columns all are aligned to their ends. */
export function numberTableLines(rows: readonly (readonly string[])[], names: number): string[] {
  const cells = rows.map((row) => row.map(oneLine));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [index, cell] of row.entries())
      widths[index] = Math.max(widths[index] ?? 0, width(cell));
  }
  return cells.map((row) =>
    row
      .map((cell, index) => {
        const space = ' '.repeat((widths[index] ?? 0) - width(cell));
        return index < names ? cell + space : space + cell;
      })
      .join('  ')
      .trimEnd(),
  );
}
