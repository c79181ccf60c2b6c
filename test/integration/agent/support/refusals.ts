import { ProductError } from '#shared/model/errors.ts';

/** What the fake control plane refuses with. */
export const notFound = (name: string): ProductError =>
  new ProductError('VolumeNotFound', `There is no volume "${name}".`);
export const busy = (name: string, host: string): ProductError =>
  new ProductError('VolumeBusy', `Volume "${name}" is in use on host ${host}.`);
export const noTicket = (name: string): ProductError =>
  new ProductError('TicketRefused', `No format ticket for "${name}".`);
