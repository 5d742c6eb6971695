// SPDX-License-Identifier: GPL-3.0-or-later
import type { Client } from 'pg';
import type { Migration } from '../migrate';

/** Expand: the release before keeps working beside the new column, because it has a default. */
export class ExpandTasksByPriority1740000000000 implements Migration {
  async up(client: Client): Promise<void> {
    await client.query("ALTER TABLE tasks ADD COLUMN priority text NOT NULL DEFAULT 'normal'");
    await client.query("UPDATE tasks SET priority = 'urgent' WHERE urgent");
  }

  async down(client: Client): Promise<void> {
    await client.query("UPDATE tasks SET urgent = (priority = 'urgent')");
    await client.query('ALTER TABLE tasks DROP COLUMN priority');
  }
}
