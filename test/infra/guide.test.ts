import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { parameterNames } from '#infra/config.ts';
import { checkout, synthesise } from './support/synth.ts';

const guide = readFileSync(join(checkout, 'docs', 'administration_guide.md'), 'utf8');
const { storage, controlPlane, hosts, observability } = synthesise();
const templates = { storage, controlPlane, hosts, observability };
const Outputs = z.object({ Outputs: z.record(z.string(), z.unknown()).default({}) });
const outputs = Object.values(templates).flatMap((template) =>
  Object.keys(Outputs.parse(template.toJSON()).Outputs),
);

test('the guide has every parameter, and none that there is not', () => {
  const [, section = ''] = guide.split(/^### Parameters$/m);
  const [rows = ''] = section.split(/^##/m);
  const described = [...rows.matchAll(/`hivemind:([a-zA-Z]+)`/g)].map(([, name]) => String(name));
  expect([...new Set(described)].toSorted()).toEqual([...parameterNames].toSorted());
});

test('outputs that the guide names are there', () => {
  const [, table = ''] = /^Outputs worth knowing: (.*)$/m.exec(guide) ?? [];
  const named = [...table.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !outputs.includes(String(name)))).toEqual([]);
});

const contract =
  'ApiEndpoint ApiId TableName StateMachineArn FileSystemId VolumeKeyArn ArchiveBucketName HostRoleArn HostRoleId ' +
  'HostRoleName InstanceProfileName AdminPolicyArn ReadOnlyPolicyArn AgentPackageUrl';

test('outputs that other parts read keep their names', () => {
  expect(outputs).toEqual(expect.arrayContaining(contract.split(' ')));
});

/** Refused by the emulator's CloudFormation, or left unanswered: one of them fails a whole local deployment. */
const refusedLocally =
  /^(AWS::CloudWatch::CompositeAlarm|AWS::EC2::(NatGateway|EIP|SecurityGroup(In|E)gress|Volume|Instance|FlowLog)|AWS::SSM::Document|AWS::Backup::BackupSelection|AWS::IAM::(Group|RolePolicy|AccessKey)|AWS::WAFv2::WebACLAssociation|Custom::.*|AWS::CloudFormation::CustomResource)$/;

test.each(['storage', 'controlPlane'] as const)(
  'the stack %s deploys to the local cloud as it is',
  (name) => {
    const { Resources } = z
      .object({ Resources: z.record(z.string(), z.object({ Type: z.string(), Properties: z.unknown() })) })
      .parse(templates[name].toJSON());
    const refused = Object.entries(Resources).filter(
      ([, { Type, Properties }]) =>
        refusedLocally.test(Type) ||
        (Type === 'AWS::CloudWatch::Alarm' && JSON.stringify(Properties).includes('Expression')),
    );
    expect(refused.map(([id, { Type }]) => `${Type} ${id}`)).toEqual([]);
  },
);
