import { hasLabel } from '../observe/events/event-filters.js';
import { fitting, type Filters } from './filter-rules.js';
import type { VolumeView } from './volumes.js';

/**
 * Docker's filters of volumes: name (a part of it), label, driver, dangling.
 * @throws WarrenError invalidArgument (INVALID_FILTER)
 */
export function filterVolumes(
  volumes: readonly VolumeView[],
  filters: Filters,
): readonly VolumeView[] {
  return fitting(volumes, filters, {
    name: ({ name }, value) => name.includes(value),
    label: ({ labels }, value) => hasLabel(labels, value),
    driver: (_, value) => value === 'local',
    dangling: ({ usedBy }, value) =>
      (usedBy.length === 0) === ['true', '1'].includes(value.toLowerCase()),
  });
}
