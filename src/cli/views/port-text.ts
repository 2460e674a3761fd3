import type { ContainerSummary } from '../../engine/contract.js';
import { portBindings, type PortBinding } from '../../model/network/published-port.js';
import { hasPorts } from '../../model/status.js';

/** `0.0.0.0:8080`, `[::]:8080` */
export function bindingText(binding: Pick<PortBinding, 'address' | 'hostPort'>): string {
  return placeText(binding.address, String(binding.hostPort));
}

function placeText(address: string, ports: string): string {
  return `${address.includes(':') ? `[${address}]` : address}:${ports}`;
}

/** Ports in a row: the first of each side, and how many there are. hostPort 0: exposed, and not published. */
interface Row extends PortBinding {
  readonly count: number;
}

function follows(row: Row, next: PortBinding): boolean {
  return (
    row.address === next.address &&
    row.protocol === next.protocol &&
    row.containerPort + row.count === next.containerPort &&
    (row.hostPort === 0 ? next.hostPort === 0 : row.hostPort + row.count === next.hostPort)
  );
}

function rowsOf(bindings: readonly PortBinding[]): readonly Row[] {
  const rows: Row[] = [];
  for (const binding of bindings) {
    const last = rows.at(-1);
    if (last !== undefined && follows(last, binding))
      rows[rows.length - 1] = { ...last, count: last.count + 1 };
    else rows.push({ ...binding, count: 1 });
  }
  return rows;
}

function range(first: number, count: number): string {
  return count === 1 ? String(first) : `${first}-${first + count - 1}`;
}

function rowText({ address, hostPort, containerPort, protocol, count }: Row): string {
  const inside = `${range(containerPort, count)}/${protocol}`;
  if (hostPort === 0) return inside;
  return `${placeText(address, range(hostPort, count))}->${inside}`;
}

/** The column PORTS of `ps`, as Docker has it: `0.0.0.0:8000-8001->80-81/tcp, 90/tcp`. */
export function portsText({ record, state }: ContainerSummary): string {
  const { expose } = record.spec.networking;
  if (!hasPorts(state.status) || record.ports.length + expose.length === 0) return '';
  const published = portBindings(record);
  const exposed = expose
    .filter(
      ({ port, protocol }) =>
        !published.some((each) => each.containerPort === port && each.protocol === protocol),
    )
    .map(({ port, protocol }) => ({ address: '', hostPort: 0, containerPort: port, protocol }));
  const sorted = [...published, ...exposed].sort(
    (a, b) =>
      a.address.localeCompare(b.address) ||
      a.protocol.localeCompare(b.protocol) ||
      a.containerPort - b.containerPort ||
      a.hostPort - b.hostPort,
  );
  // What is only exposed comes last.
  const rows = rowsOf(sorted);
  return [
    ...rows.filter(({ hostPort }) => hostPort > 0),
    ...rows.filter(({ hostPort }) => hostPort === 0),
  ]
    .map(rowText)
    .join(', ');
}
