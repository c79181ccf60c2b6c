import { Tags } from 'aws-cdk-lib';
import type { App } from 'aws-cdk-lib';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { readConfig } from './config.ts';
import { ControlPlaneStack } from './stacks/control-plane.stack.ts';
import { HostsStack } from './stacks/hosts.stack.ts';
import { ObservabilityStack } from './stacks/observability.stack.ts';
import { StorageStack } from './stacks/storage.stack.ts';

/** The whole product, for an account or the local cloud alike. Account and region are the deployer's, never looked up. */
export function addStacks(app: App) {
  const config = readConfig(app.node);
  const storage = new StorageStack(app, 'HivemindStorage', { config });
  const controlPlane = new ControlPlaneStack(app, 'HivemindControlPlane', { config, storage });
  const observability = new ObservabilityStack(app, 'HivemindObservability', { controlPlane });
  const hosts = new HostsStack(app, 'HivemindHosts', { config, storage, controlPlane });
  Tags.of(app).add(tagKeys.product, productTagValue);
  return { storage, controlPlane, observability, hosts };
}
