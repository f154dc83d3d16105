#!/usr/bin/env node
import { start } from './cli/start';
import { takeLittleMemory } from './lib/memory';

takeLittleMemory();
void start(process.argv, process.env);
