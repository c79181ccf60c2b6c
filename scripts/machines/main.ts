import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { addStacks } from '#infra/hivemind.ts';
import { machinesOf } from './definition.ts';
import { machinesPage } from './page.ts';

/* `npm run machines`: writes docs/state-machines.md from the app's definitions. */
const root = join(import.meta.dirname, '..', '..');
const { context } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8')) as { context: object };
const app = new App({ context: { ...context, 'aws:cdk:bundling-stacks': [] } });
const template = Template.fromStack(addStacks(app).controlPlane);
writeFileSync(join(root, 'docs', 'state-machines.md'), machinesPage(machinesOf(template)));
