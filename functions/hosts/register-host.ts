import type * as z from 'zod';
import type { Instance } from '#shared/aws/ec2/instances.ts';
import type { HostRecord } from '#shared/aws/table/records.ts';
import { create, discard, put, replace, type Write } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { RegisterHost, Registration } from '#shared/model/host.ts';
import type { HostItem } from '#shared/model/items.ts';
import { Namespace, defaultNamespace } from '#shared/model/names.ts';
import { viewHost } from '#shared/model/rules-view.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import { settle } from '#functions/volumes/settle.ts';
import { hostOf, type HostPorts } from './host-ports.ts';

type Body = z.output<typeof RegisterHost>;

/** A host is up, perhaps after a boot. Namespace, zone and type are EC2's word; boot, name and drivers the agent's. */
export async function registerHost(ports: HostPorts, caller: Caller, body: Body): Promise<Registration> {
  const hostId = hostOf(ports, caller);
  const instance = await findInstance(ports, hostId);
  const namespace = namespaceOf(instance);
  const maxAttachments = await ports.instances.slots(instance);
  const queueUrl = await ports.queues.ensure({ hostId, caller, namespace });
  return settle(async () => {
    const before = await ports.table.readHost(hostId);
    const now = ports.clock().toISOString();
    const next: HostItem = {
      lastDevice: -1,
      burnedDevices: [],
      draining: false,
      registeredAt: now,
      revision: 1,
      ...before?.host,
      ...body,
      id: hostId,
      namespace,
      availabilityZone: instance.availabilityZone,
      instanceType: instance.instanceType,
      instanceState: instance.state,
      maxAttachments,
      queueUrl,
      lastSeenAt: now,
    };
    await ports.table.transact([
      ...moveIndex(before, next),
      before === undefined ? create('host', next) : replace('host', before.host, next),
      put('seen', { hostId, bootId: body.bootId, at: now }),
    ]);
    const { pollSeconds } = ports.hostSettings;
    return {
      host: viewHost({ ...next, revision: (before?.host.revision ?? 0) + 1 }, undefined),
      queueUrl,
      pollSeconds,
    };
  });
}

async function findInstance(ports: HostPorts, hostId: string): Promise<Instance> {
  const [instance] = await ports.instances.find([hostId]);
  if (instance !== undefined) return instance;
  throw new ProductError('Unavailable', `EC2 does not know ${hostId} yet.`, {
    value: hostId,
    hint: 'Repeat the call; EC2 may need some seconds after a launch.',
  });
}

function namespaceOf({ id, tags }: Instance): string {
  const asked = tags[tagKeys.hostNamespace] ?? defaultNamespace;
  const parsed = Namespace.safeParse(asked);
  if (parsed.success) return parsed.data;
  throw new ProductError('InvalidInput', `The tag ${tagKeys.hostNamespace} of ${id} is not a namespace.`, {
    value: asked,
    allowed: parsed.error.issues[0]?.message ?? 'a namespace',
    hint: 'Correct the tag of the instance, and start the agent again.',
  });
}

/** A host changes its namespace only with empty hands. */
function moveIndex(before: HostRecord | undefined, { id, namespace }: HostItem): Write[] {
  const index = put('hostIndex', { namespace, hostId: id });
  if (before === undefined || before.host.namespace === namespace) return [index];
  if (before.attachments.length > 0) {
    throw new ProductError(
      'IllegalState',
      `${id} still has volumes of namespace "${before.host.namespace}".`,
      {
        value: namespace,
        hint: 'Drain it before its namespace tag changes.',
      },
    );
  }
  return [discard('hostIndex', { namespace: before.host.namespace, hostId: id }), index];
}
