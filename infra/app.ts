import { AwsSolutionsChecks } from 'cdk-nag';
import { App, Validations } from 'aws-cdk-lib';
import { addStacks } from './hivemind.ts';

const app = new App();
addStacks(app);
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
