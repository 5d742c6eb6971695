// SPDX-License-Identifier: GPL-3.0-or-later
import type { Client } from 'pg';
import type { Migration } from '../migrate';

export class InitialSchema1730000000000 implements Migration {
  async up(client: Client): Promise<void> {
    await client.query(`
      CREATE TABLE users (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        email text NOT NULL UNIQUE,
        password_hash text NOT NULL,
        failed_logins integer NOT NULL DEFAULT 0,
        locked_until timestamptz
      );
      CREATE TABLE sessions (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id uuid NOT NULL REFERENCES users,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE audit_logs (
        id bigserial PRIMARY KEY,
        event text NOT NULL,
        user_id uuid REFERENCES users,
        ip_address text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE machines (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        number text NOT NULL UNIQUE,
        status text NOT NULL DEFAULT 'active'
      );
      CREATE TABLE tasks (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        type_code text NOT NULL,
        machine_id uuid NOT NULL REFERENCES machines,
        status text NOT NULL DEFAULT 'pending',
        urgent boolean NOT NULL DEFAULT false,
        assigned_to_user_id uuid NOT NULL REFERENCES users,
        created_by_user_id uuid NOT NULL REFERENCES users,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE files (
        id uuid PRIMARY KEY,
        original_name text NOT NULL,
        size_bytes bigint NOT NULL,
        entity_type text NOT NULL,
        entity_id text NOT NULL,
        category_code text NOT NULL,
        uploaded_by_user_id uuid NOT NULL REFERENCES users,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(client: Client): Promise<void> {
    await client.query('DROP TABLE files, tasks, machines, audit_logs, sessions, users');
  }
}
