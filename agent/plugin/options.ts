import { ProductError } from '#shared/model/errors.ts';
import { parsePairs } from '#shared/model/labels.ts';
import { parseOwner } from '#shared/model/owner.ts';
import type { CreateVolumeInput } from '#shared/model/volume.ts';

type Draft = { -readonly [K in keyof CreateVolumeInput]: CreateVolumeInput[K] };
type Apply = (value: string, draft: Draft) => void;

/** What `docker volume create -o KEY=VALUE` may say: the CLI's own words. Any other key is an option of the driver. */
const known: Readonly<Record<string, Apply>> = {
  type: (value, draft) => void (draft.type = value),
  driver: (value, draft) => void (draft.driver = value),
  size: (value, draft) => void (draft.size = value),
  labels: (value, draft) => void (draft.labels = { ...draft.labels, ...parsePairs(value, 'label') }),
  label: (value, draft) => void (draft.labels = { ...draft.labels, ...parsePairs(value, 'label') }),
  options: (value, draft) => void (draft.options = { ...draft.options, ...parsePairs(value, 'option') }),
  'mount-options': (value, draft) => void (draft.options = { ...draft.options, mountOptions: value }),
  filesystem: (value, draft) => void (draft.filesystem = value),
  zone: (value, draft) => void (draft.availabilityZone = value),
  'availability-zone': (value, draft) => void (draft.availabilityZone = value),
  readonly: (value, draft) => void (draft.readOnly = parseFlag('readonly', value)),
  'read-only': (value, draft) => void (draft.readOnly = parseFlag('read-only', value)),
  encrypted: (value, draft) => void (draft.encrypted = parseFlag('encrypted', value)),
  protect: (value, draft) => void (draft.protected = parseFlag('protect', value)),
  protected: (value, draft) => void (draft.protected = parseFlag('protected', value)),
  description: (value, draft) => void (draft.description = value),
  owner: (value, draft) => void (draft.owner = { ...draft.owner, ...parseOwner(value) }),
  uid: (value, draft) => void (draft.owner = { ...draft.owner, uid: parseId('uid', value) }),
  gid: (value, draft) => void (draft.owner = { ...draft.owner, gid: parseId('gid', value) }),
  mode: (value, draft) => void (draft.owner = { ...draft.owner, mode: value }),
};

/**
 * The body of a create, from Docker's options. Docker's own notation for its local driver (`type=none`, `o=bind`,
 * `device=`) is understood where it means something that a volume of ours can be.
 * @throws ProductError InvalidInput naming the option.
 */
export function parseOptions(name: string, options: Readonly<Record<string, string>>): CreateVolumeInput {
  const draft: Draft = { name };
  for (const [key, value] of Object.entries(translate(options))) {
    const apply = Object.hasOwn(known, key) ? known[key] : undefined;
    if (apply === undefined) draft.options = { ...draft.options, [key]: value };
    else apply(value, draft);
  }
  return draft;
}

/** `--driver local` notation, as the mount(8) options that it is. */
function translate(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (!('o' in options) && !('device' in options)) return options;
  const { o = '', device = '', type = '', ...rest } = options;
  const flags = o.split(',').filter((flag) => flag !== '');
  const values = Object.fromEntries(flags.filter((flag) => flag.includes('=')).map(split));
  const readonly = flags.includes('ro') ? { readonly: 'true' } : {};
  if (flags.includes('bind') || flags.includes('rbind')) {
    return { ...rest, ...readonly, type: 'hostpath', options: `path=${device}` };
  }
  if (type === 'tmpfs') return { ...rest, ...readonly, ...values, type: 'ephemeral' };
  if (type.startsWith('nfs')) {
    return {
      ...rest,
      type: 'network',
      options: `server=${values['addr'] ?? ''},path=${device.replace(/^:/, '')}`,
    };
  }
  throw new ProductError(
    'NotSupported',
    `type=${type} with device=${device} is not a volume of this release.`,
    {
      value: { type, device, o },
      allowed:
        'o=bind with device=PATH, or type=tmpfs with o=size=100m; otherwise type, size, labels as the CLI has them',
    },
  );
}

function split(flag: string): [string, string] {
  const at = flag.indexOf('=');
  return [flag.slice(0, at), flag.slice(at + 1)];
}

function parseFlag(key: string, value: string): boolean {
  const flags: Readonly<Record<string, boolean>> = {
    true: true,
    '1': true,
    '': true,
    false: false,
    '0': false,
  };
  const flag = Object.hasOwn(flags, value) ? flags[value] : undefined;
  if (flag !== undefined) return flag;
  throw new ProductError('InvalidInput', `${key}=${value} is neither true nor false.`, {
    value,
    allowed: 'true, false',
  });
}

function parseId(key: string, value: string): number {
  if (/^\d{1,10}$/.test(value)) return Number(value);
  throw new ProductError('InvalidInput', `${key}=${value} is not a number.`, {
    value,
    allowed: 'a numeric id, such as 1000',
  });
}
