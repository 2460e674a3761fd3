import type { Image } from '../../model/image.js';
import { healthcheck } from './container-inspect.js';
import { dockerTime } from './time.js';

const goArchitectures: Readonly<Record<string, string>> = { x64: 'amd64' };

function emptyObjects(keys: readonly string[]): object {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

/** An image as Docker's inspect shows it. */
export function imageDocument(image: Image): object {
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: image.references,
    RepoDigests: image.repoDigests,
    Comment: image.comment,
    Author: image.author,
    Created: dockerTime(image.createdAtMs),
    Architecture: goArchitectures[image.architecture] ?? image.architecture,
    Variant: image.variant === '' ? undefined : image.variant,
    Os: image.os,
    Size: image.sizeBytes,
    Config: {
      User: config.user,
      ExposedPorts: emptyObjects(config.exposedPorts),
      Env: config.env,
      Cmd: config.command,
      Entrypoint: config.entrypoint,
      Volumes: emptyObjects(config.volumes),
      WorkingDir: config.workingDir,
      Labels: config.labels,
      StopSignal: config.stopSignal,
      Healthcheck: config.health === null ? undefined : healthcheck(config.health),
    },
    GraphDriver: { Name: 'overlay', Data: { LowerDir: image.layers.join(':') } },
    RootFS: { Type: 'layers', Layers: image.diffIds },
  };
}
