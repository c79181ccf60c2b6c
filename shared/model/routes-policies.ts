import * as z from 'zod';
import { PolicyName, RunId } from './names.ts';
import {
  CreatePolicy,
  Policy,
  PolicyPreview,
  PolicyRun,
  RunKind,
  RunVolume,
  runVolumeStates,
  UpdatePolicy,
} from './policy.ts';
import { ns, Page, paging, type Route } from './route.ts';

export const PolicyPage = Page(Policy, 'PolicyPage');
export const PolicyRunPage = Page(PolicyRun, 'PolicyRunPage');
export const RunVolumePage = Page(RunVolume, 'RunVolumePage');

const policies = '/v1/namespaces/{namespace}/policies';
const policyPath = `${policies}/{policy}` as const;
const onPolicy = z.strictObject({ ...ns, policy: PolicyName });
const onRun = onPolicy.extend({ run: RunId });

/** Calls about backup policies, for people and pipelines. */
export const policyRoutes = {
  createPolicy: {
    method: 'POST',
    path: policies,
    served: 'backups',
    summary: 'Create a backup policy; the same name and settings give the same policy',
    params: z.strictObject(ns),
    body: CreatePolicy,
    answers: { 200: Policy, 201: Policy },
  },
  listPolicies: {
    method: 'GET',
    path: policies,
    served: 'backups',
    summary: 'List backup policies by name',
    params: z.strictObject(ns),
    query: z.strictObject(paging),
    answers: { 200: PolicyPage },
  },
  getPolicy: {
    method: 'GET',
    path: policyPath,
    served: 'backups',
    summary: 'Read one policy',
    params: onPolicy,
    answers: { 200: Policy },
  },
  updatePolicy: {
    method: 'PATCH',
    path: policyPath,
    served: 'backups',
    summary: 'Change settings of a policy',
    params: onPolicy,
    body: UpdatePolicy,
    answers: { 200: Policy },
  },
  deletePolicy: {
    method: 'DELETE',
    path: policyPath,
    served: 'backups',
    summary: 'Remove a policy; its backups stay',
    params: onPolicy,
    answers: { 200: Policy },
  },
  pausePolicy: {
    method: 'POST',
    path: `${policyPath}/pause`,
    served: 'backups',
    summary: 'Let a policy run no more until it is resumed',
    params: onPolicy,
    answers: { 200: Policy },
  },
  resumePolicy: {
    method: 'POST',
    path: `${policyPath}/resume`,
    served: 'backups',
    summary: 'Let a paused policy run again',
    params: onPolicy,
    answers: { 200: Policy },
  },
  previewPolicy: {
    method: 'GET',
    path: `${policyPath}/preview`,
    served: 'backups',
    summary: 'What a policy selects, when it runs next, what it keeps by which rule and what it prunes',
    params: onPolicy,
    query: z.strictObject(paging),
    answers: { 200: PolicyPreview },
  },
  runPolicy: {
    method: 'POST',
    path: `${policyPath}/runs`,
    served: 'backups',
    summary: 'Run a policy now: its backups, or its drills',
    params: onPolicy,
    query: z.strictObject({ kind: RunKind.optional() }),
    answers: { 202: PolicyRun },
  },
  listPolicyRuns: {
    method: 'GET',
    path: `${policyPath}/runs`,
    served: 'backups',
    summary: 'List runs of a policy, newest first: its backups, or its drills',
    params: onPolicy,
    query: z.strictObject({ ...paging, kind: RunKind.optional() }),
    answers: { 200: PolicyRunPage },
  },
  getPolicyRun: {
    method: 'GET',
    path: `${policyPath}/runs/{run}`,
    served: 'backups',
    summary: 'Read one run',
    params: onRun,
    answers: { 200: PolicyRun },
  },
  listRunVolumes: {
    method: 'GET',
    path: `${policyPath}/runs/{run}/volumes`,
    served: 'backups',
    summary: 'List what a run did about each volume',
    params: onRun,
    query: z.strictObject({ state: z.enum(runVolumeStates).optional(), ...paging }),
    answers: { 200: RunVolumePage },
  },
} as const satisfies Record<string, Route>;
