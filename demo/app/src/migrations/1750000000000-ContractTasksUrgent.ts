// SPDX-License-Identifier: GPL-3.0-or-later
import type { Client } from 'pg';
import type { Migration } from '../migrate';

/** Contract: no release that may still run reads the old column, so it goes; the way back fills it again. */
export class ContractTasksUrgent1750000000000 implements Migration {
  async up(client: Client): Promise<void> {
    await client.query('ALTER TABLE tasks DROP COLUMN urgent');
  }

  async down(client: Client): Promise<void> {
    await client.query('ALTER TABLE tasks ADD COLUMN urgent boolean NOT NULL DEFAULT false');
    await client.query("UPDATE tasks SET urgent = true WHERE priority = 'urgent'");
  }
}
