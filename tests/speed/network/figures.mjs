// Medians, percentiles and tables of the network measurements.

export function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function summary(numbers) {
  return {
    median: percentile(numbers, 0.5),
    p10: percentile(numbers, 0.1),
    p90: percentile(numbers, 0.9),
    p99: percentile(numbers, 0.99),
    most: Math.max(...numbers),
    count: numbers.length,
  };
}

export function rounded(number, digits = 2) {
  return Number(number.toFixed(digits));
}

export async function timed(work) {
  const start = performance.now();
  const value = await work();
  return { ms: performance.now() - start, value };
}

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
