import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { StorageFault } from '../errors.ts';

/** A use of a shape: by a member, a list or an operation. */
export interface Ref {
  readonly shape: string;
  readonly location?: 'uri' | 'querystring' | 'header' | 'headers' | 'statusCode';
  readonly locationName?: string;
  readonly queryName?: string;
}

/** A shape of botocore's service-2.json; only what the codecs and the validation read. */
export interface Shape {
  readonly type: string;
  readonly members?: Readonly<Record<string, Ref>>;
  readonly required?: readonly string[];
  readonly member?: Ref;
  readonly key?: Ref;
  readonly value?: Ref;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
  readonly error?: { readonly httpStatusCode?: number; readonly code?: string };
  readonly exception?: boolean;
}

export interface Operation {
  readonly name: string;
  readonly http: { readonly method: string; readonly requestUri: string; readonly responseCode?: number };
  readonly input?: Ref;
  readonly output?: Ref;
}

/** One service as AWS describes it. */
export interface ServiceModel {
  readonly metadata: {
    readonly protocol: string;
    readonly apiVersion: string;
    readonly xmlNamespace?: string;
  };
  readonly operations: Readonly<Record<string, Operation>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

export type ServiceName = 'ec2' | 'efs' | 'backup';
export type ServiceModels = Readonly<Record<ServiceName, ServiceModel>>;

const unzip = promisify(gunzip);

/**
 * Reads the models of EC2, EFS and AWS Backup from a botocore `data` folder.
 * @param folder e.g. `…/site-packages/botocore/data`
 * @throws StorageFault when a model is missing
 */
export async function loadServiceModels(folder: string): Promise<ServiceModels> {
  return {
    ec2: await loadModel(join(folder, 'ec2')),
    efs: await loadModel(join(folder, 'efs')),
    backup: await loadModel(join(folder, 'backup')),
  };
}

async function loadModel(folder: string): Promise<ServiceModel> {
  try {
    const newest = (await readdir(folder)).toSorted().at(-1) ?? '';
    const packed = await readFile(join(folder, newest, 'service-2.json.gz'));
    return JSON.parse((await unzip(packed)).toString('utf8')) as ServiceModel;
  } catch (cause) {
    throw new StorageFault(
      `No service model in ${folder}: it comes with botocore, which the emulator installs`,
      cause,
    );
  }
}

/** The shape behind a reference; a model that names a missing shape is broken. */
export function shapeOf(model: ServiceModel, ref: Ref): Shape {
  const shape = model.shapes[ref.shape];
  if (shape === undefined) throw new StorageFault(`The model has no shape ${ref.shape}`);
  return shape;
}
