import type { Resources } from '../../model/resources.js';
import { limitControllers, type ControllerMap, type LimitController } from '../controllers.js';
import { unsupportedLimit, type Setting, type SettingContext } from './setting.js';
import { settingsV1 } from './v1.js';
import { settingsV2 } from './v2.js';

export interface Translation {
  readonly controllers: ControllerMap;
  /** Canonical (see canonical.ts). */
  readonly resources: Resources;
  /** Whether the groups of a controller have this file. */
  has(controller: LimitController, file: string): boolean;
  deviceNumber(device: string): string;
}

/** A controller that the host lacks is an error only when a limit needs it. */
function refuseWithoutController(controller: LimitController, context: SettingContext): void {
  const [first] = settingsV2[controller]({ ...context, has: () => true });
  if (first !== undefined) {
    throw unsupportedLimit(first.limit, `this host has no ${controller} controller`);
  }
}

function settingsOf(controller: LimitController, translation: Translation): Setting[] {
  const { controllers, resources } = translation;
  const context: SettingContext = {
    resources,
    has: (file) => translation.has(controller, file),
    deviceNumber: (device) => translation.deviceNumber(device),
  };
  const location = controllers.get(controller);
  if (location === undefined) {
    refuseWithoutController(controller, context);
    return [];
  }
  const settings = (location.version === 1 ? settingsV1 : settingsV2)[controller](context);
  for (const { file, limit } of settings) {
    if (!context.has(file)) throw unsupportedLimit(limit, `this kernel has no ${file}`);
  }
  return settings;
}

/**
 * All settings that the resources ask for, in an order in which they can be written to a new group.
 * Throws unsupported with the name of a limit that this host cannot set.
 */
export function translate(translation: Translation): Setting[] {
  return limitControllers.flatMap((controller) => settingsOf(controller, translation));
}

/** The controllers for which a container with these settings needs a group of its own. */
export function controllersOf(settings: readonly Setting[]): ReadonlySet<LimitController> {
  return new Set(settings.map(({ controller }) => controller));
}
