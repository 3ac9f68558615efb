import numpy as np
import torch

from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.feature_means import feature_means
from macaw_cli.training.tuning.model_setup import new_model


def test_the_mean_is_that_of_all_feature_tokens_of_the_training_split(workspace):
    dataset = prepare(workspace()).dataset
    means = feature_means(dataset, ["image", "audio", "video"])
    for modality, mean in means.items():
        refs = {ref.key: ref for row in dataset.conversations("train") for ref in row.media if ref.modality == modality}
        tokens = np.concatenate([dataset.features(ref).reshape(-1, ref.shape[-1]) for ref in refs.values()])
        np.testing.assert_allclose(mean.numpy(), tokens.astype(np.float64).mean(axis=0), rtol=1e-5, atol=1e-6)


def test_a_sample_is_spread_over_the_split_and_always_the_same(workspace):
    dataset = prepare(workspace()).dataset
    one, two = feature_means(dataset, ["audio"], 2), feature_means(dataset, ["audio"], 2)
    media = (ref for row in dataset.conversations("train") for ref in row.media if ref.modality == "audio")
    refs = list({ref.key: ref for ref in media}.values())
    tokens = np.concatenate([dataset.features(ref).reshape(-1, ref.shape[-1]) for ref in (refs[0], refs[-1])])
    np.testing.assert_allclose(one["audio"].numpy(), tokens.astype(np.float64).mean(axis=0), rtol=1e-5, atol=1e-6)
    assert torch.equal(one["audio"], two["audio"])


def test_of_several_layers_the_mean_is_that_of_the_last(workspace):
    dataset = prepare(workspace()).dataset
    refs = {ref.key: ref for row in dataset.conversations("train") for ref in row.media if ref.modality == "audio"}
    features = [dataset.features(ref) for ref in refs.values()]
    last = np.concatenate([each[len(each) - len(each) // 2 :] for each in features])
    mean = feature_means(dataset, ["audio"], layers={"audio": 2})["audio"]
    np.testing.assert_allclose(mean.numpy(), last.astype(np.float64).mean(axis=0), rtol=1e-5, atol=1e-6)


def test_a_modality_without_media_has_no_mean(workspace):
    assert feature_means(prepare(workspace()).dataset, []) == {}


def test_a_new_model_reads_features_around_their_mean(workspace):
    space = workspace(bridge="frame-stack")
    materials = prepare(space)
    model = new_model(space, materials.config, materials.dataset)
    means = feature_means(materials.dataset, materials.config.modalities)
    for modality, mean in means.items():
        torch.testing.assert_close(model.get_buffer(f"fusion.bridges.{modality}.centering.feature_mean"), mean)
