#!/usr/bin/env node
import { start } from './cli/start';
import { takeLittleMemory } from './phases/memory';

takeLittleMemory();
void start(process.argv, process.env);
