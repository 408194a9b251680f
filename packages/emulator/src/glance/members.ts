import { noContent, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { findImage, ownImage, refused, stamp, type GlanceCall } from './common.ts';
import type { GlanceState, Image, Member } from './state.ts';

const view = (image: Image, project: string, m: Member): Json => ({ member_id: project, image_id: image.id, status: m.status, created_at: stamp(m.createdAt), updated_at: stamp(m.updatedAt), schema: '/v2/schemas/member' });

const of = (call: GlanceCall, image: Image): Map<string, Member> => call.state.members.get(image.id) ?? new Map<string, Member>();

function member(call: GlanceCall, image: Image): { project: string; found: Member } {
  const project = call.params['project'] ?? '';
  const found = of(call, image).get(project);
  if (!found) throw refused(404, `${project} not found in the member list of the image ${image.id}.`);
  return { project, found };
}

function list(call: GlanceCall): Answer {
  const image = findImage(call);
  const all = [...of(call, image)].filter(([project]) => call.token.admin || image.owner === call.token.projectId || project === call.token.projectId);
  return ok({ members: all.map(([project, m]) => view(image, project, m)), schema: '/v2/schemas/members' });
}

function add(call: GlanceCall): Answer {
  const { state, site, body } = call;
  const image = ownImage(call, 'add_member');
  const project = body['member'];
  if (typeof project !== 'string' || project === '') throw refused(400, 'Member to be added not specified');
  if (image.visibility !== 'shared') throw refused(403, `Not allowed to create members for image ${image.id}.`);
  const members = of(call, image);
  if (members.has(project)) throw refused(409, `Member ${project} is duplicated for image ${image.id}`);
  const made: Member = { status: 'pending', createdAt: site.now(), updatedAt: site.now() };
  members.set(project, made);
  state.members.set(image.id, members);
  return ok(view(image, project, made));
}

/** Only the project itself says whether it wants the image. */
function setStatus(call: GlanceCall): Answer {
  const image = findImage(call);
  const { project, found } = member(call, image);
  const status = call.body['status'];
  if (!['pending', 'accepted', 'rejected'].includes(String(status))) throw refused(400, `Status not specified`);
  if (!call.token.admin && project !== call.token.projectId) throw refused(403, 'You are not authorized to complete modify_member action.');
  found.status = status as Member['status'];
  found.updatedAt = call.site.now();
  return ok(view(image, project, found));
}

function remove(call: GlanceCall): Answer {
  const image = ownImage(call, 'delete_member');
  const { project } = member(call, image);
  of(call, image).delete(project);
  return noContent;
}

export const memberRoutes: readonly Route<GlanceState>[] = [
  { method: 'GET', path: '/images/:id/members', policy: 'any', handler: list },
  { method: 'POST', path: '/images/:id/members', rule: 'add_member', handler: add },
  { method: 'GET', path: '/images/:id/members/:project', policy: 'any', handler: (call) => {
    const image = findImage(call);
    const { project, found } = member(call, image);
    return ok(view(image, project, found));
  } },
  { method: 'PUT', path: '/images/:id/members/:project', rule: 'modify_member', handler: setStatus },
  { method: 'DELETE', path: '/images/:id/members/:project', rule: 'delete_member', handler: remove },
];
