const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;
const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

interface Scale {
  readonly base: number;
  readonly units: readonly string[];
  readonly digits: number;
}

/** Significant digits as C's %g prints them: no zeros at the end. */
function significant(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits)));
}

function scaled(bytes: number, { base, units, digits }: Scale): string {
  let value = bytes;
  let power = 0;
  while (Math.abs(value) >= base && power < units.length - 1) {
    value /= base;
    power += 1;
  }
  return `${significant(value, digits)}${units[power] ?? ''}`;
}

/** Decimal, three digits: `1.23MB`. For files and images, as docker shows them. */
export function decimalSize(bytes: number): string {
  return scaled(bytes, { base: 1000, units: decimalUnits, digits: 3 });
}

/** Binary, four digits: `1.5GiB`. For memory, as docker shows it. */
export function binarySize(bytes: number): string {
  return scaled(bytes, { base: 1024, units: binaryUnits, digits: 4 });
}
