// SPDX-License-Identifier: GPL-3.0-or-later
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from 'pg';
import type { Auth } from './auth';
import { HttpError, type Reply, type Request, type Route } from './http';
import { isUuid } from './tasks';
import type { Window } from './throttle';

const LARGEST_BYTES = 10 * 1024 * 1024;
const FIELDS = ['entity_type', 'entity_id', 'category_code', 'uploaded_by_user_id'] as const;

export function fileRoutes(pool: Pool, auth: Auth, uploadDir: string, limits: readonly Window[]): Route[] {
  const upload = async (request: Request): Promise<Reply> => {
    await auth.user(request);
    const form = await readForm(request);
    const file = form.get('file');
    if (file === null || typeof file === 'string') throw new HttpError(400, 'file is required');
    const fields = FIELDS.map((name) => form.get(name));
    if (!fields.every((value) => typeof value === 'string' && value !== '')) {
      throw new HttpError(400, `${FIELDS.join(', ')} are required`);
    }
    if (!isUuid(fields[3])) throw new HttpError(400, 'uploaded_by_user_id must be a UUID');
    const id = randomUUID();
    await mkdir(uploadDir, { recursive: true });
    await writeFile(join(uploadDir, id), Buffer.from(await file.arrayBuffer()));
    try {
      const { rows } = await pool.query(
        `INSERT INTO files (id, original_name, size_bytes, entity_type, entity_id, category_code, uploaded_by_user_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *`, [id, file.name, file.size, ...fields]);
      return { status: 201, body: rows[0] };
    } catch (error) {
      await rm(join(uploadDir, id), { force: true });
      throw error;
    }
  };
  const remove = async (request: Request): Promise<Reply> => {
    await auth.user(request);
    const id = request.params.id;
    if (!isUuid(id)) throw new HttpError(404, 'File not found');
    const { rowCount } = await pool.query('DELETE FROM files WHERE id = $1', [id]);
    if (rowCount === 0) throw new HttpError(404, 'File not found');
    await rm(join(uploadDir, id), { force: true });
    return { status: 204 };
  };
  return [
    { method: 'POST', path: '/api/v1/files/upload', limits, handle: upload },
    { method: 'DELETE', path: '/api/v1/files/:id', limits, handle: remove },
  ];
}

async function readForm(request: Request): Promise<FormData> {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data')) throw new HttpError(400, 'Multipart: the body is no form');
  const body = await request.body(LARGEST_BYTES);
  try {
    return await new Response(body, { headers: { 'Content-Type': type } }).formData();
  } catch {
    throw new HttpError(400, 'Multipart: the form cannot be read');
  }
}
