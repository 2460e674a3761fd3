/** nf_tables messages about whole tables (linux/netfilter/nf_tables.h). Pure. */
import { MessageWriter, messageFlags } from '../netlink/message-writer.js';
import { tableFamilies, type TableFamily } from './set.js';

const getTable = (10 << 8) | 1;
const tableName = 1;

/** Asks for a table: the answer is the error ENOENT when there is none. */
export function tableQuestion(family: TableFamily, table: string): Uint8Array {
  const out = new MessageWriter();
  out.begin(getTable, messageFlags.ack).u8(tableFamilies[family]).u8(0).be16(0);
  out.attributeString(tableName, table);
  return out.finish().messages;
}
