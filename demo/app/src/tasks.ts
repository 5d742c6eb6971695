// SPDX-License-Identifier: GPL-3.0-or-later
import { DatabaseError, type Pool } from 'pg';
import type { Auth } from './auth';
import { HttpError, json, type Reply, type Request, type Route } from './http';
import type { Metrics } from './metrics';
import type { Window } from './throttle';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const FOREIGN_KEY_VIOLATION = '23503';
const COLUMNS = 'id, type_code, machine_id, status, priority, assigned_to_user_id, created_by_user_id, created_at';

export function taskRoutes(pool: Pool, auth: Auth, metrics: Metrics, limits: readonly Window[]): Route[] {
  const list = async (request: Request): Promise<Reply> => {
    await auth.user(request);
    const { rows } = await pool.query(`SELECT ${COLUMNS} FROM tasks ORDER BY created_at DESC LIMIT 50`);
    return { status: 200, body: { data: rows, total: rows.length } };
  };
  const create = async (request: Request): Promise<Reply> => {
    await auth.user(request);
    const { type_code, machine_id, assigned_to_user_id, created_by_user_id } = await json(request);
    if (typeof type_code !== 'string' || !/^[a-z_]{1,40}$/.test(type_code)) {
      throw new HttpError(400, 'type_code must be a lower-case word');
    }
    const ids = [machine_id, assigned_to_user_id, created_by_user_id];
    if (!ids.every(isUuid)) {
      throw new HttpError(400, 'machine_id, assigned_to_user_id and created_by_user_id must be UUIDs');
    }
    try {
      const { rows } = await pool.query(
        `INSERT INTO tasks (type_code, machine_id, assigned_to_user_id, created_by_user_id)
         VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`, [type_code, ...ids]);
      metrics.tasksCreated.inc();
      return { status: 201, body: rows[0] };
    } catch (error) {
      if (error instanceof DatabaseError && error.code === FOREIGN_KEY_VIOLATION) {
        throw new HttpError(404, 'Machine or user not found');
      }
      throw error;
    }
  };
  const remove = async (request: Request): Promise<Reply> => {
    await auth.user(request);
    const id = request.params.id;
    const { rowCount } = isUuid(id) ? await pool.query('DELETE FROM tasks WHERE id = $1', [id]) : { rowCount: 0 };
    if (rowCount === 0) throw new HttpError(404, 'Task not found');
    return { status: 204 };
  };
  return [
    { method: 'GET', path: '/api/v1/tasks', limits, handle: list },
    { method: 'POST', path: '/api/v1/tasks', limits, handle: create },
    { method: 'DELETE', path: '/api/v1/tasks/:id', limits, handle: remove },
  ];
}

export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}
