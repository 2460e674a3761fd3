import { totalmem } from 'node:os';
import { wallsOf, type Demand, type Wall } from './walls.js';
import { defaultIdPool, idsPerContainer } from '../../model/defaults.js';

/** What this host can still hold. */
export interface Forecast {
  /** Containers like those asked about, on top of what runs. */
  readonly fits: number;
  readonly firstWall: string;
  readonly reserveBytes: number;
  readonly walls: readonly Wall[];
}

const kibibyte = 1024;

/**
 * What an idle container takes beside the part that grows with the square of the count, as measured (docs/density.md). A run
 * replaces it by its own figure as soon as it has one.
 */
export const assumedLinearBytes: {
  readonly withNetwork: number;
  readonly withoutNetwork: number;
} = { withNetwork: 390 * kibibyte, withoutNetwork: 190 * kibibyte };

/** A twentieth of the memory, at least 512 MiB: below that the kernel begins to look for victims. */
export function defaultReserveBytes(): number {
  return Math.max(512 * 2 ** 20, Math.floor(totalmem() / 20));
}

export const defaultDemand: Demand = {
  superblocks: 5,
  memoryCgroup: true,
  networkNamespace: true,
  linearBytes: assumedLinearBytes.withNetwork,
  processes: 1,
  tty: false,
  existing: 0,
};

export interface ForecastRequest {
  /** An existing directory on the file system of the writable layers. */
  readonly dataRoot: string;
  /** @default one idle container of the default isolation with all limits */
  readonly demand?: Demand;
  readonly reserveBytes?: number;
}

/** Looks at every limit of the host; changes nothing. */
export function forecast({
  dataRoot,
  demand = defaultDemand,
  reserveBytes = defaultReserveBytes(),
}: ForecastRequest): Forecast {
  const idRanges = Math.floor(defaultIdPool.count / idsPerContainer);
  const walls = wallsOf({ demand, reserveBytes, dataRoot, idRanges });
  const nearest = walls.find(({ always }) => always);
  return { fits: nearest?.fits ?? 0, firstWall: nearest?.name ?? '', reserveBytes, walls };
}

/** `fits 18,400 more like this; first wall: process ids (kernel.pid_max = …)` */
export function forecastLine({ fits, firstWall, walls }: Forecast): string {
  const detail = walls.find(({ name }) => name === firstWall)?.detail ?? '';
  return `Fits ${fits.toLocaleString('en-US')} more like this; first wall: ${firstWall} (${detail})`;
}
