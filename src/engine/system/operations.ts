import type { EngineContext } from '../context.js';
import type { EngineSystem } from '../contract.js';
import { serveNames } from '../resolver/serve.js';
import { boot } from './boot.js';
import { diskUsage } from './disk-usage.js';
import { doctor } from './doctor.js';
import { engineInfo } from './info.js';
import { findLeaks } from './leaks.js';
import { containerPlan } from './plan.js';
import { reconcile } from './reconcile.js';
import { shutdown, upgradeKeepers } from './shutdown.js';

/** What concerns the engine as a whole. */
export function systemOperations(context: EngineContext): EngineSystem {
  return {
    info: async () => await engineInfo(context),
    diskUsage: async () => await diskUsage(context),
    doctor: async () => await doctor(context),
    tune: async () => (await context.router.hostSide?.rules.tune()) ?? [],
    leaks: async (options) => await findLeaks(context, options),
    boot: async (options) => await boot(context, options),
    reconcile: async () => await reconcile(context),
    serveNames: async (signal) => {
      await serveNames(context, signal);
    },
    shutdown: async (options) => {
      await shutdown(context, options);
    },
    upgradeKeepers: async () => {
      await upgradeKeepers(context);
    },
    plan: async (reference) => await containerPlan(context, reference),
  };
}
