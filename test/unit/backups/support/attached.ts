import { hostA, World, type WorldOptions } from '#test/unit/workers/support/world.ts';

/** A world with the volume `data`, attached to host A, formatted and idle. */
export async function attached(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.addHost(hostA);
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
  return world;
}
