/** Where systemd has its groups for virtual machines and containers. */
const slice = 'machine.slice';

/** The path of a scope's group, below each hierarchy's root. */
export function scopePath(name: string): string {
  return `${slice}/${name}.scope`;
}

/** The unit whose group a path is, when it is a scope of ours; else null. */
export function scopeUnitOf(path: string): string | null {
  const match = /^machine\.slice\/(warren(?:-[0-9a-f]{8})?\.scope)$/.exec(path);
  return match?.[1] ?? null;
}

/** The scope of ours that a path is in or below; null when there is none. */
export function scopeAbove(path: string): string | null {
  const top = path.split('/').slice(0, 2).join('/');
  return scopeUnitOf(top) === null ? null : top;
}

/**
 * What runs a command as the first process of a new scope: systemd gives it the group, with all that is below (`Delegate`), and
 * keeps it for as long as processes are in it.
 */
export function scopeCommand(unit: string, command: readonly string[]): readonly string[] {
  const properties = [
    'Description=Warren containers',
    'Delegate=yes',
    // Its own default is a share of the machine's pids, for all containers together.
    'TasksMax=infinity',
    // At shutdown: what does not end by itself then is killed, as `warren stop` does.
    'TimeoutStopSec=10s',
  ];
  return [
    'systemd-run',
    '--scope',
    '--quiet',
    '--collect',
    `--unit=${unit}`,
    `--slice=${slice}`,
    ...properties.map((property) => `--property=${property}`),
    '--',
    ...command,
  ];
}
