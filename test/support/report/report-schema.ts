import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020';
import type { Report } from '../../../src/report/model';

const schema: object = JSON.parse(readFileSync(join(import.meta.dirname, '../../../schemas/report.schema.json'), 'utf8'));
const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
const validate = ajv.compile<Report>(schema);

/** Every report that a test reads goes through here. @throws unless it is as the schema says */
export function validReport(text: string): Report {
  const report: unknown = JSON.parse(text);
  if (validate(report)) return report;
  throw new Error(`the report is not as its schema says: ${ajv.errorsText(validate.errors)}`);
}
