import type { Readable } from 'node:stream';
import { errnoOf, WarrenError } from '../../base/errors.js';

/** The archive of an image of the Docker Engine that DOCKER_HOST names. @throws WarrenError notFound, unavailable */
export async function saveFromDaemon(name: string): Promise<Readable> {
  const { default: Docker } = await import('dockerode');
  try {
    return (await new Docker().getImage(name).get()) as Readable;
  } catch (cause) {
    throw daemonError(`pull docker-daemon:${name}`, cause);
  }
}

/** Gives an archive to that Docker Engine. @throws WarrenError unavailable */
export async function loadIntoDaemon(archive: Readable, what: string): Promise<void> {
  const { default: Docker } = await import('dockerode');
  const docker = new Docker();
  try {
    const answer = await docker.loadImage(archive);
    const events = await new Promise<readonly { readonly error?: string }[]>((resolve, reject) => {
      docker.modem.followProgress(answer, (error, output) => {
        if (error === null) resolve(output as readonly { readonly error?: string }[]);
        else reject(error);
      });
    });
    const failed = events.find(({ error }) => error !== undefined);
    if (failed !== undefined) throw new Error(failed.error);
  } catch (cause) {
    throw daemonError(what, cause);
  }
}

function daemonError(what: string, cause: unknown): WarrenError {
  const status = (cause as { readonly statusCode?: number }).statusCode;
  const why = cause instanceof Error ? cause.message : String(cause);
  if (status === 404) {
    return new WarrenError('notFound', 'IMAGE_NOT_FOUND', `Cannot ${what}: ${why}`, { cause });
  }
  const unreachable = ['ENOENT', 'ECONNREFUSED', 'EACCES'].includes(errnoOf(cause) ?? '');
  return new WarrenError('unavailable', 'DOCKER_UNAVAILABLE', `Cannot ${what}: ${why}`, {
    ...(unreachable ? { hint: 'Start the Docker Engine, or name it with DOCKER_HOST' } : {}),
    cause,
  });
}
