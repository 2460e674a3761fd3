import type { CgroupFiles } from '../../host/port.js';
import type { ControllerMap, LimitController } from '../controllers.js';

/** Reads the files of one container's groups; a controller without a group of its own reads as null. */
export interface OwnGroups {
  /** Of the controller's group; null also where the kernel has no such file. */
  read(controller: LimitController, file: string): string | null;
  /** Of the unified group, which always exists. */
  readUnified(file: string): string | null;
  version(controller: LimitController): 1 | 2 | undefined;
}

export function ownGroups(files: CgroupFiles, controllers: ControllerMap, path: string): OwnGroups {
  return {
    read(controller, file) {
      const location = controllers.get(controller);
      if (location === undefined) return null;
      return files.read({ hierarchy: location.hierarchy, path }, file);
    },
    readUnified(file) {
      return files.read({ hierarchy: 0, path }, file);
    },
    version(controller) {
      return controllers.get(controller)?.version;
    },
  };
}
