import { significant } from '../figures/promises.js';

/** One table of a report: what the terminal, Markdown and the page show alike. */
export interface ReportTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly note?: string;
}

/** Figures as the cells of a table show them. */
export function milliseconds(value: number): string {
  return `${significant(value)} ms`;
}

export function perSecond(value: number): string {
  return `${significant(value)}/s`;
}

export function kibibytes(bytes: number): string {
  return `${significant(bytes / 1024)} KiB`;
}
